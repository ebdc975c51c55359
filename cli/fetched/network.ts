import { setTimeout as sleep } from 'node:timers/promises';
import { InnateError } from '../../src/lib/errors';
import type { Platform } from '../../src/storage/download/platform';

const HUGGING_FACE = 'https://huggingface.co/';

/**
 * Where a file of the catalogue is asked for: $HF_ENDPOINT, a mirror, takes the place of https://huggingface.co as it
 * does in Hugging Face's own tools.
 */
export function mirrored(address: string, env: NodeJS.ProcessEnv = process.env): string {
  const endpoint = env.HF_ENDPOINT?.trim();
  if (!endpoint || !address.startsWith(HUGGING_FACE)) return address;
  return `${checkedAddress(endpoint, 'HF_ENDPOINT').replace(/\/+$/, '')}/${address.slice(HUGGING_FACE.length)}`;
}

/** Throws a `bad-argument` error unless `text` is an address that can be fetched; `where` names it. */
export function checkedAddress(text: string, where: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new InnateError('bad-argument', 'not an address', {
      where,
      expected: 'such as https://host.org/path/file.pkl',
      found: text.slice(0, 80),
    });
  if (url.username === '' && url.password === '') return url.href;
  // It would stand in messages and in the cache.
  throw new InnateError('bad-argument', 'an address with a name or a password is not taken', {
    where,
    hint: 'Download the file by other means, and give it with --from',
  });
}

/**
 * Hosts that may send the file: the person named it, so a redirect may lead to any, but never from https to less.
 * In the words of a Content-Security-Policy.
 */
export const hostsFor = (address: string): readonly string[] =>
  address.startsWith('http:') ? ['http:', 'https:'] : ['https:'];

/** What a download takes from Node. */
export async function nodePlatform(env: NodeJS.ProcessEnv = process.env): Promise<Platform> {
  return {
    fetch: await fetchThrough(env),
    redirects: 'ours',
    online: () => true, // Node does not know; what the connection says is told
    now: Date.now,
    wait: (ms, signal) => sleep(ms, undefined, { signal }),
  };
}

const PROXIES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'] as const;

/** Node 20's own fetch knows no proxies: undici, of which it is a copy, does, and is loaded only where there is one. */
async function fetchThrough(env: NodeJS.ProcessEnv): Promise<typeof fetch> {
  const set = PROXIES.filter((name) => env[name]);
  if (set.length === 0) return fetch;
  const { EnvHttpProxyAgent, fetch: undiciFetch } = await import('undici');
  try {
    const dispatcher = new EnvHttpProxyAgent();
    return ((address: string, options: object) =>
      undiciFetch(address, { ...options, dispatcher })) as unknown as typeof fetch;
  } catch (error) {
    throw new InnateError(
      'bad-argument',
      'the proxy of the environment is not an address',
      { where: set.join(', '), expected: 'such as http://proxy.org:3128' },
      error,
    );
  }
}
