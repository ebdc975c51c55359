import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the hosts do with their file; each test changes what it is about. */
export interface Manners {
  /** A file's bytes, or where it lies. */
  body: Buffer | { path: string; length: number };
  etag: string;
  /** Where the first host sends a request to; null = it sends the file itself. */
  redirect: string | null;
  /** Answers carry Access-Control-Allow-Origin. */
  cors: boolean;
  /** Sends the part that is asked for; else always the whole. */
  ranges: boolean;
  /** After so many bytes of an answer nothing more comes until `go` is called. */
  holdAt: number | null;
  /** After so many bytes of each of the next answers the connection breaks. */
  cuts: number[];
  status: number;
  type: string;
}

const WELL: Omit<Manners, 'body'> = {
  etag: '"one"',
  redirect: null,
  cors: true,
  ranges: true,
  holdAt: null,
  cuts: [],
  status: 200,
  type: 'application/octet-stream',
};

/**
 * Plays huggingface.co, the hosts that it redirects to, NVIDIA's, and one that is not on the list, all under their own
 * names: `args` make a browser find them here. Their certificate is made on the spot.
 */
export class PublicHosts {
  manners: Manners;
  /** "host/path from" of each request, in order. */
  readonly asked: { host: string; path: string; from: number | null; headers: IncomingMessage['headers'] }[] =
    [];
  private release: () => void = () => {};
  private held = Promise.resolve();

  private constructor(
    private readonly server: Server,
    body: Manners['body'],
  ) {
    this.manners = { ...WELL, body };
    server.on('request', (request, response) => this.answer(request, response));
  }

  static async open(body: Manners['body']): Promise<PublicHosts> {
    const hosts = new PublicHosts(createServer(certificate()), body);
    await new Promise<void>((resolve) => hosts.server.listen(0, '127.0.0.1', resolve));
    return hosts;
  }

  /** As `args`, but any other name leads here too: whatever a page asks for is seen, whomever it asks. */
  get argsOfAll(): string[] {
    const { port } = this.server.address() as AddressInfo;
    return [`--host-resolver-rules=MAP * 127.0.0.1:${port},EXCLUDE localhost`];
  }

  get args(): string[] {
    const { port } = this.server.address() as AddressInfo;
    const names = ['huggingface.co', '*.huggingface.co', '*.hf.co', 'nvlabs-fi-cdn.nvidia.com', '*.example'];
    return [`--host-resolver-rules=${names.map((name) => `MAP ${name}:443 127.0.0.1:${port}`).join(',')}`];
  }

  behave(manners: Partial<Manners>): void {
    this.manners = { ...this.manners, ...WELL, ...manners };
    this.asked.length = 0;
    if (manners.holdAt !== undefined) this.held = new Promise((resolve) => (this.release = resolve));
  }

  /** What is held comes. */
  go(): void {
    this.manners.holdAt = null;
    this.release();
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { headers } = request;
    const host = headers.host ?? '';
    const asked = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
    this.asked.push({ host, path: request.url!, from: asked === undefined ? null : Number(asked), headers });
    const { cors, redirect, status, type, body, ranges, etag } = this.manners;
    if (cors) {
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('access-control-expose-headers', 'ETag, Content-Range');
    }
    if (request.method === 'OPTIONS' || status !== 200) {
      response.writeHead(request.method === 'OPTIONS' ? 405 : status).end('no');
      return;
    }
    if (redirect !== null && !redirect.includes(`//${host}/`)) {
      response.writeHead(302, { location: redirect }).end();
      return;
    }
    const from = ranges && asked !== undefined ? Number(asked) : 0;
    const rest = body.length - from;
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': type,
      'content-length': rest,
      etag,
      ...(from > 0 && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
    });
    if ('path' in body) createReadStream(body.path, { start: from }).pipe(response);
    else void this.send(body.subarray(from), response);
  }

  private async send(rest: Buffer, response: ServerResponse): Promise<void> {
    const cut = this.manners.cuts.shift();
    if (cut !== undefined) {
      response.write(rest.subarray(0, cut), () => response.destroy());
      return;
    }
    const { holdAt } = this.manners;
    if (holdAt !== null) {
      response.write(rest.subarray(0, holdAt));
      await this.held;
      rest = rest.subarray(holdAt);
    }
    response.end(rest);
  }
}

/** For one test run, by names that no authority vouches for: browsers are told not to mind. */
function certificate(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'innate-hosts-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const files = ['-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...curve, ...files, '-days', '2', '-subj', '/CN=huggingface.co'], {
    stdio: 'ignore',
  });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
