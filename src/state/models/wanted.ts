import { isAllowed } from '../../lib/hosts';
import { precondNamed } from '../../lib/preconditioning';
import { START_SIGMA } from '../../lib/sampling';
import type { Wanted } from '../../protocol/downloads';
import { type CatalogueModel, fileSize, labelCount } from '../../storage/catalogue';

/** What ids of pasted addresses begin with; no id of the catalogue does. */
const ADDRESS = 'address:';
export const isPasted = (id: string): boolean => id.startsWith(ADDRESS);

/** What to ask for at a model's host; null where no host of this build hands it out. */
export function wantedModel(model: CatalogueModel, hosts: readonly string[]): Wanted | null {
  const [file] = model.files;
  if (model.kind !== 'official' || !file?.url || !isAllowed(file.url, hosts)) return null;
  const { resolution, channels, sigma = START_SIGMA } = model;
  return {
    id: model.id,
    title: model.name,
    address: file.url,
    name: fileName(file.url),
    bytes: file.bytes,
    sha256: file.sha256,
    network: {
      resolution,
      channels,
      labelDim: labelCount(model),
      sigma,
      precond: precondNamed(model.precond) ?? null,
    },
  };
}

/** A pasted address, or a sentence that says why it is none. */
export async function wantedAddress(text: string, hosts: readonly string[]): Promise<Wanted | string> {
  const address = fileAddress(text.trim());
  if (!URL.canParse(address)) return 'This is no address: it begins with https:// and names a file.';
  if (!isAllowed(address, hosts))
    return `Only these hosts are asked: ${hosts.map((host) => host.replace('https://', '')).join(', ')}.`;
  const name = fileName(address);
  if (!/\.(pkl|pt|safetensors)$/i.test(name)) return 'The address has to end in .pkl, .pt or .safetensors.';
  const id = ADDRESS + (await shortDigest(address));
  return { id, title: name, address, name, bytes: null, sha256: null, network: null };
}

/** Hugging Face shows a file at `blob` and hands it out at `resolve`; what stands behind `?` and `#` is for readers. */
function fileAddress(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.search = '';
  url.hash = '';
  if (url.host === 'huggingface.co')
    url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, '$1/resolve/');
  return url.href;
}

/** The last part of an address, decoded: what the file is called there. */
function fileName(address: string): string {
  const last = new URL(address).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last).replace(/[/\\]/g, '_');
  } catch {
    return last;
  }
}

async function shortDigest(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest).subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Bytes of GPU memory that a parameter takes, network and one image: measured on the two published sizes, rounded up. */
export const MEMORY_A_PARAMETER = 2.4;

/** What a person is told before anything is asked of a host; bytes. Null where nobody knows. */
export interface Consent {
  wanted: Wanted;
  host: string;
  licence: string | null;
  size: { bytes: number; estimated: boolean } | null;
  /** As it is kept. */
  kept: number | null;
  /** Until it is converted. */
  needed: number | null;
  free: number | null;
  /** On the GPU, for one image. */
  memory: number | null;
}

export function consentTo(wanted: Wanted, model: CatalogueModel | null, free: number | null): Consent {
  const size = model && fileSize(model);
  const kept = model?.parameters ? model.parameters * 2 : null;
  return {
    wanted,
    host: new URL(wanted.address).host,
    licence: model?.licence ?? null,
    size,
    kept,
    needed: size && kept ? size.bytes + kept : null,
    free,
    memory: model?.parameters ? model.parameters * MEMORY_A_PARAMETER : null,
  };
}
