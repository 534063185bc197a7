import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { formatTable } from '../table.ts';
import type { CpuProfile, ProfileNode } from './inspector.ts';

/** Times in microseconds. */
interface Frame {
  readonly node: ProfileNode;
  readonly parent: Frame | undefined;
  selfUs: number;
}

const idle = new Set(['(idle)', '(root)']);
const ours = 'this repository';
const longest = 30;

/**
 * Where the time of a process's JavaScript thread went, in milliseconds per order: by package, by function, and by the
 * function of ours that asked for it, whatever package did the work. What Node and V8 do counts for the package that
 * called them, except in the list of functions.
 */
export function summariseProfile(name: string, profile: CpuProfile, orders: number): string {
  const frames = readFrames(profile).filter(({ node }) => !idle.has(node.callFrame.functionName));
  const total = frames.reduce((sum, { selfUs }) => sum + selfUs, 0);
  const list = (heading: string, label: (frame: Frame) => string): string => {
    const sums = new Map<string, number>();
    for (const frame of frames) sums.set(label(frame), (sums.get(label(frame)) ?? 0) + frame.selfUs);
    const rows = [...sums]
      .sort(([, a], [, b]) => b - a)
      .slice(0, longest)
      .map(([what, us]) => [(us / 1_000 / orders).toFixed(4), `${((100 * us) / total).toFixed(1)} %`, what]);
    return formatTable(['> ms/order', '> share', heading], rows);
  };
  const nearest = (frame: Frame, isIt: (node: ProfileNode) => boolean): ProfileNode => {
    for (let caller: Frame | undefined = frame; caller; caller = caller.parent) {
      if (isIt(caller.node)) return caller.node;
    }
    return frame.node;
  };
  return [
    `${name}: ${(total / 1_000 / orders).toFixed(3)} ms of the JavaScript thread per order`,
    list('by package', (frame) => packageOf(nearest(frame, (node) => !isPlatform(node)))),
    list('by function', ({ node }) => describe(node)),
    list('on behalf of', (frame) => describe(nearest(frame, (node) => packageOf(node) === ours))),
  ].join('\n\n');
}

function readFrames({ nodes, samples, timeDeltas }: CpuProfile): Frame[] {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const frames = new Map<number, Frame>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const frameOf = (id: number): Frame => {
    const known = frames.get(id);
    if (known) return known;
    const parent = parents.get(id);
    const frame: Frame = {
      node: byId.get(id) as ProfileNode,
      parent: parent === undefined ? undefined : frameOf(parent),
      selfUs: 0,
    };
    frames.set(id, frame);
    return frame;
  };
  samples.forEach((id, index) => {
    // A sample stands for the time until the next one.
    frameOf(id).selfUs += timeDeltas[index + 1] ?? 0;
  });
  return [...frames.values()];
}

function isPlatform({ callFrame: { url } }: ProfileNode): boolean {
  return url === '' || url.startsWith('node:') || url.startsWith('wasm:');
}

function packageOf(node: ProfileNode): string {
  const { url, functionName } = node.callFrame;
  if (isPlatform(node)) return functionName.startsWith('(') ? functionName : 'Node';
  const path = pathOf(url);
  const inside = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  return inside?.[1] ?? ours;
}

function describe({ callFrame: { url, functionName, lineNumber } }: ProfileNode): string {
  const name = functionName || '(anonymous)';
  return url === '' ? name : `${name} ${pathOf(url)}:${lineNumber + 1}`;
}

function pathOf(url: string): string {
  return url.startsWith('file:') ? relative(repositoryRoot, fileURLToPath(url)) : url;
}
