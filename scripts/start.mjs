// npm start: builds the page if there is no build yet, serves it and prints the address.
import { existsSync } from 'node:fs';
import { build, preview } from 'vite';

if (!existsSync('dist/index.html')) await build();
const server = await preview({
  preview: { port: Number(process.env.PORT ?? 4173), host: process.env.HOST ?? 'localhost' },
});
server.printUrls();
