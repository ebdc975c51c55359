import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll } from 'vitest';

export interface Request {
  path: string;
  /** Offset that was asked for; null for the whole file. */
  from: number | null;
}

/** What a host does with its file; each test changes what it is about. */
export interface Manners {
  body: Uint8Array;
  etag: string;
  /** Sends the part that is asked for. */
  ranges: boolean;
  /** Bytes of each answer, one after another, after which the connection breaks; whole ones follow. */
  cuts: number[];
  /** After so many bytes of an answer nothing more comes, and the connection stays. */
  stopsAfter: number | null;
  status: number;
  type: string;
  /** Sends to this address instead. */
  redirect: string | null;
}

/** A host of checkpoints on this machine: one file under every path, and misbehaviour at will. */
export class ModelHost {
  manners: Manners;
  readonly requests: Request[] = [];
  private readonly server: Server;

  private constructor(private readonly usual: Manners) {
    this.manners = { ...usual };
    this.server = createServer((request, response) => this.answer(request, response));
  }

  static async open(body: Uint8Array): Promise<ModelHost> {
    const host = new ModelHost({
      body,
      etag: '"one"',
      ranges: true,
      cuts: [],
      stopsAfter: null,
      status: 200,
      type: 'application/octet-stream',
      redirect: null,
    });
    await new Promise<void>((resolve) => host.server.listen(0, '127.0.0.1', resolve));
    afterAll(() => host.close());
    return host;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Well behaved again, but for these. */
  behave(manners: Partial<Manners> = {}): void {
    this.manners = { ...this.usual, ...manners };
    this.requests.length = 0;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { body, etag, ranges, status, type, redirect, stopsAfter } = this.manners;
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    this.requests.push({ path: request.url!, from: asked === undefined ? null : Number(asked) });
    if (redirect !== null) {
      response.writeHead(302, { location: redirect }).end();
      return;
    }
    if (status !== 200) {
      response.writeHead(status).end('sorry');
      return;
    }
    const from = ranges && asked !== undefined ? Number(asked) : 0;
    const rest = body.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': type,
      'content-length': rest.length,
      etag,
      ...(from > 0 && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
    });
    const cut = this.manners.cuts.shift();
    if (cut !== undefined) response.write(rest.subarray(0, cut), () => response.destroy());
    else if (stopsAfter !== null) response.write(rest.subarray(0, stopsAfter));
    else response.end(rest);
  }
}

/** A proxy that tunnels to one place whatever host it is asked for, and remembers for which. */
export async function openProxy(port: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((_, response) => response.writeHead(400).end());
  server.on('connect', (request, socket, head) => {
    asked.push(request.url!);
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
