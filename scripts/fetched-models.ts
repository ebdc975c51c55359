import { createReadStream, existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { type FetchedModel, FetchedModels } from '../cli/fetched/cache.ts';
import { HEADERS } from './vite-page.ts';

const FOLDER = '/fetched/';

/** What tells the page that its host has such models: no other host is asked for them. */
const MARK = '<meta name="innate-fetched" content="fetched/">';

type Next = () => void;
type Handler = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/**
 * What `npm start` serves beside dist/: the models that `innate models fetch` brought to this machine, as
 * fetched/ID.safetensors, and fetched/index.json, which lists them.
 */
export function fetchedModels(): Plugin {
  return {
    name: 'innate-fetched-models',
    configurePreviewServer({ config, middlewares }) {
      middlewares.use(markedPage(join(config.root, config.build.outDir, 'index.html')));
      middlewares.use(serveFetched(new FetchedModels()));
    },
  };
}

/** The page with the mark; everything else is for the next handler. */
export const markedPage =
  (file: string): Handler =>
  (request, response, next) => {
    const { pathname } = addressOf(request);
    if (!isRead(request) || (pathname !== '/' && pathname !== '/index.html') || !existsSync(file))
      return next();
    const page = readFileSync(file, 'utf8').replace(/<head>/i, (head) => `${head}\n    ${MARK}`);
    send(response, 'text/html; charset=utf-8', Buffer.from(page), request);
  };

export const serveFetched =
  (models: FetchedModels): Handler =>
  (request, response, next) => {
    const { pathname } = addressOf(request);
    if (!isRead(request) || !pathname.startsWith(FOLDER)) return next();
    const name = pathname.slice(FOLDER.length);
    // Read at every request: a model may have been fetched or removed since the last one.
    const here = models.list().models;
    if (name === 'index.json') {
      const list = { models: here.map(({ id, bytes }) => ({ id, bytes })) };
      send(response, 'application/json', Buffer.from(JSON.stringify(list)), request);
      return;
    }
    const model = here.find(({ id }) => name === `${id}.safetensors`);
    if (model) sendModel(response, model, request);
    else response.writeHead(404, HEADERS).end();
  };

function sendModel(response: ServerResponse, { path, bytes }: FetchedModel, request: IncomingMessage): void {
  head(response, 'application/octet-stream', bytes);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const file = createReadStream(path);
  file.on('error', () => response.destroy()); // removed meanwhile
  response.on('close', () => file.destroy());
  file.pipe(response);
}

function send(response: ServerResponse, type: string, body: Uint8Array, { method }: IncomingMessage): void {
  head(response, type, body.byteLength);
  response.end(method === 'HEAD' ? undefined : body);
}

/** A copy in the browser's own cache would be a second one on the same disk, and out of date. */
const head = (response: ServerResponse, type: string, bytes: number): void =>
  void response.writeHead(200, {
    ...HEADERS,
    'content-type': type,
    'content-length': bytes,
    'cache-control': 'no-store',
  });

const isRead = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD';

const addressOf = ({ url }: IncomingMessage): URL => new URL(url ?? '/', 'http://localhost');
