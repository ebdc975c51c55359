import type { Payload } from './messages';

/** What makes each opened file what it is: requests that are made again of another worker. */
export class OpenedModels {
  /** By key: the requests, in order. */
  private readonly requests = new Map<string, readonly Payload[]>();
  /** The request that opens a file from this page's own, by key. */
  private readonly files = new Map<string, Payload>();

  has(key: string): boolean {
    return this.requests.has(key);
  }

  [Symbol.iterator](): IterableIterator<[key: string, requests: readonly Payload[]]> {
    return this.requests[Symbol.iterator]();
  }

  /** A file of the page's own was opened by that request. */
  open(key: string, request: Payload): void {
    this.files.set(key, request);
    this.requests.set(key, [request]);
  }

  /** The newest request of its type says how an opened file is taken. */
  change(key: string, request: Payload): void {
    const others = this.requests.get(key)?.filter(({ type }) => type !== request.type);
    if (others) this.requests.set(key, [...others, request]);
  }

  /** A kept file comes back as its copy says, one that is kept no longer as the page's own. */
  keep(key: string, keep: boolean): void {
    const file = this.files.get(key);
    if (keep) this.requests.set(key, [{ type: 'kept' }]);
    else if (file) this.requests.set(key, [file]);
  }

  /** It could not be opened again; false where it was gone already. */
  lose(key: string): boolean {
    return this.requests.delete(key);
  }

  forget(key: string): void {
    this.requests.delete(key);
    this.files.delete(key);
  }
}
