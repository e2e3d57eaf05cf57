import path from 'node:path';
import type { SourceFile } from './source-files.ts';

/** For each folder the folders it imports from. */
export type FolderGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** The imports between folders below `base`, without other parts and files that are not among the sources. */
export function folderGraph(sources: readonly SourceFile[], base: string): FolderGraph {
  const graph = new Map<string, Set<string>>();
  const known = new Set(sources.map((source) => source.path));
  for (const { path: file, imports } of sources) {
    if (!file.startsWith(`${base}/`)) continue;
    const from = path.posix.dirname(file);
    const arrows = graph.get(from) ?? new Set();
    graph.set(from, arrows);
    for (const { target } of imports) {
      const to = path.posix.dirname(target);
      if (known.has(target) && target.startsWith(`${base}/`) && to !== from) arrows.add(to);
    }
  }
  return graph;
}

/** Groups of folders that reach each other both ways (Tarjan). Without any, folders form layers and no arrow points up. */
export function loopsOf(graph: FolderGraph): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const loops: string[][] = [];
  const visit = (folder: string): void => {
    index.set(folder, index.size);
    low.set(folder, index.get(folder)!);
    stack.push(folder);
    for (const next of graph.get(folder) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(folder, Math.min(low.get(folder)!, low.get(next)!));
    }
    if (low.get(folder) !== index.get(folder)) return;
    const loop = stack.splice(stack.indexOf(folder));
    if (loop.length > 1) loops.push(loop.toSorted());
  };
  for (const folder of graph.keys()) if (!index.has(folder)) visit(folder);
  return loops;
}

/** The number of layers of a graph without loops: the longest way down, in folders. */
export function floorsOf(graph: FolderGraph): number {
  const floors = new Map<string, number>();
  const floorOf = (folder: string): number => {
    const known = floors.get(folder);
    if (known !== undefined) return known;
    floors.set(folder, 0);
    const floor = 1 + Math.max(0, ...[...(graph.get(folder) ?? [])].map(floorOf));
    floors.set(folder, floor);
    return floor;
  };
  return Math.max(0, ...[...graph.keys()].map(floorOf));
}
