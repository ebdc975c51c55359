/**
 * The only other hosts that are ever asked for anything, and only for the one file that a person pressed Download for.
 * Each is a host source of a Content-Security-Policy: the code, the policy of the page and the build take it from here.
 * A host answers with a redirect to one of its regional ones, hence the wildcards.
 */
const PUBLIC_HOSTS: readonly string[] = [
  'https://huggingface.co',
  'https://*.huggingface.co',
  'https://*.hf.co',
  'https://nvlabs-fi-cdn.nvidia.com',
];

const HOST = /^https?:\/\/(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d+)?$/;

/**
 * The hosts that a build's option INNATE_HOSTS names: the public ones where it is not set, no host for `none`, else the
 * host sources that it lists, with spaces between them.
 */
export function hostsOf(option: string | undefined): readonly string[] {
  if (option === undefined) return PUBLIC_HOSTS;
  if (option.trim() === 'none') return [];
  const hosts = option.trim().split(/\s+/);
  const wrong = hosts.find((host) => !HOST.test(host));
  if (wrong === undefined) return hosts;
  throw new Error(`INNATE_HOSTS: expected none or hosts such as https://*.hf.co, found "${wrong}"`);
}

/** Filled in by the build (vite.config.ts); absent in the command line and in tests. */
declare const INNATE_HOSTS: string | undefined;

/** The hosts of this build. */
export const allowedHosts: readonly string[] = hostsOf(
  typeof INNATE_HOSTS === 'undefined' ? undefined : INNATE_HOSTS,
);

/**
 * Whether `address` is an address of one of these hosts, and carries no name or password. A scheme alone (`https:`) means
 * all hosts, as it does in a Content-Security-Policy.
 */
export function isAllowed(address: string, hosts: readonly string[]): boolean {
  const url = parseAddress(address);
  if (url === null) return false;
  if (url.username !== '' || url.password !== '') return false;
  return hosts.some((source) => {
    if (source.endsWith(':')) return source === url.protocol;
    const [scheme, host] = source.split('://') as [string, string];
    if (`${scheme}:` !== url.protocol) return false;
    return host.startsWith('*.') ? url.host.endsWith(host.slice(1)) : url.host === host;
  });
}

/** The host that an address names; null where it is no address. */
export const hostOf = (address: string): string | null => parseAddress(address)?.host ?? null;

function parseAddress(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
