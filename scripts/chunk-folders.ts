import type { Plugin } from 'vite';

/** What decides the folder of a chunk of the page. */
interface PageChunk {
  facadeModuleId: string | null;
  isDynamicEntry: boolean;
  moduleIds: readonly string[];
}

type Part = readonly [module: RegExp, folder: string];

/** A part that is loaded when it is first shown lies in the folder of the first of these that its module matches. */
const PARTS: readonly [Part, ...Part[]] = [
  [/\/src\/(?:features\/generate|state)\/(?:playground|path|export|history|mix)\//, 'views/playground/'],
  [/\/node_modules\/(?:gifenc|mediabunny)\//, 'views/playground/'],
  [/\/src\/(?:features\/distil|state)\/moments\//, 'views/moments/'],
  [/\/src\/(?:app|state\/files)\//, 'views/shell/'],
  [/\/src\/(?:features|state)\/([^/]+)\//, 'views/$1/'],
];

/** The folder of what several parts share, where all of them are of one kind. */
const OF_ONE: readonly Part[] = [
  PARTS[0],
  [/\/src\/(?:(?:features|state)\/)?distil\//, 'views/distil-shared/'],
];

/**
 * The folders of the page's chunks, by which their sizes are judged (package.json, size-limit): `page/` is what every
 * visit loads at once, `views/NAME/` a part that is loaded later, `views/shared/` what only such parts share.
 */
export function chunkFolders(): { plugin: Plugin; of: (chunk: PageChunk) => string } {
  const atOnce = new Set<string>();
  return {
    plugin: {
      name: 'innate-chunk-folders',
      apply: 'build',
      buildEnd() {
        atOnce.clear();
        const open = [...this.getModuleIds()].filter((id) => this.getModuleInfo(id)?.isEntry);
        for (let id = open.pop(); id !== undefined; id = open.pop()) {
          if (atOnce.has(id)) continue;
          atOnce.add(id);
          open.push(...(this.getModuleInfo(id)?.importedIds ?? []));
        }
      },
    },
    of({ facadeModuleId, isDynamicEntry, moduleIds }) {
      if (!isDynamicEntry) {
        if (moduleIds.some((id) => atOnce.has(id))) return 'page/';
        // What only parts of the playground share is a part of it; Distil has more of that than a folder holds.
        const own = OF_ONE.find(
          ([module]) => moduleIds.length > 0 && moduleIds.every((id) => module.test(id)),
        );
        return own?.[1] ?? 'views/shared/';
      }
      for (const [module, folder] of PARTS) {
        const match = facadeModuleId?.match(module);
        if (match) return folder.replace('$1', match[1] ?? '');
      }
      return '';
    },
  };
}
