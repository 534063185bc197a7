/** Runs once after all tests. */
export default async function globalTeardown(): Promise<void> {
  const servers = await globalThis.testServers;
  globalThis.testServers = undefined;
  await servers?.stop();
}
