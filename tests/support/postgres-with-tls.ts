import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '#scripts/local-stack/postgres.ts';
import { choosePostgresAccount } from '#scripts/local-stack/postgres-binaries.ts';

/** A certificate that vouches for itself, and its key: for a database on the loopback interface, in tests only. */
const certificate = `\
-----BEGIN CERTIFICATE-----
MIIBtDCCAVqgAwIBAgIUDFdr6nu0wc7qExEI6XwfrsYpX/EwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLb3JkZXItZGItcncwIBcNMjYxMTIxMTUxNzAyWhgPMjEyNjEw
MjgxNTE3MDJaMBYxFDASBgNVBAMMC29yZGVyLWRiLXJ3MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEqsUn6DU26M5dnmx6Yb2wZ1kfeZ1cyVOyTxpVqsz8jZdABIuD
dyt8iDm+bsqE3XhQEDV6Fi+7ACGKxjzn0RmRF6OBgzCBgDAdBgNVHQ4EFgQUX8z1
Y3uIKjlMb7UXMLKnBcgq3oMwHwYDVR0jBBgwFoAUX8z1Y3uIKjlMb7UXMLKnBcgq
3oMwDwYDVR0TAQH/BAUwAwEB/zAtBgNVHREEJjAkggtvcmRlci1kYi1yd4IPcHJv
Y2Vzc29yLWRiLXJ3hwR/AAABMAoGCCqGSM49BAMCA0gAMEUCIQDj5F6EW7hgXSXh
DQjp79fE7VjvRCtyqcTuzpONCQHnYgIgYxs7rsCgza/NPyGwREBPN05T4o2nKIA4
LqhQt6GVUhA=
-----END CERTIFICATE-----
`;

const key = `\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyXXHG8cWYfbw1R3v
mimP4K6j1YPFWEFBJxLcygvFmZihRANCAASqxSfoNTbozl2ebHphvbBnWR95nVzJ
U7JPGlWqzPyNl0AEi4N3K3yIOb5uyoTdeFAQNXoWL7sAIYrGPOfRGZEX
-----END PRIVATE KEY-----
`;

/** A PostgreSQL server with its data in `folder` that also speaks TLS; whom to believe is in `ca.crt` there. */
export async function startPostgresWithTls(folder: string, port: number): Promise<PostgresServer> {
  const dataDir = join(folder, 'data');
  const files = { ssl_cert_file: join(folder, 'ca.crt'), ssl_key_file: join(folder, 'server.key') };
  await mkdir(folder, { recursive: true });
  await writeFile(files.ssl_cert_file, certificate);
  await writeFile(files.ssl_key_file, key, { mode: 0o600 });
  const { owner } = await choosePostgresAccount(dataDir);
  if (owner) await chown(files.ssl_key_file, owner.uid, owner.gid);
  const settings = { fsync: 'off', ssl: 'on', ...files };
  return startPostgres({ dataDir, port, password: 'test', settings });
}
