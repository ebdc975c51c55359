import { readFile } from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { bufferSource } from '../src/formats/source';
import { openZip } from '../src/formats/zip';

/** What a person takes away from the page, and how it is read again. */

export const bytesOf = async (download: Download) => new Uint8Array(await readFile(await download.path()));

export const entriesOf = async (download: Download) =>
  openZip(bufferSource(await bytesOf(download), download.suggestedFilename()));

/** The file that a press of an entry of Export gives, where it asks for nothing more. */
export async function exported(page: Page, item: RegExp): Promise<Download> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('menuitem', { name: item }).click();
  return download;
}

/** The file of a path, at the scale that its dialog suggests. */
export async function exportedPath(page: Page, item: RegExp): Promise<Download> {
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('menuitem', { name: item }).click();
  const download = page.waitForEvent('download');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Export/ })
    .click();
  return download;
}

/** The first picture of a video as a browser shows it, RGBA, each pixel of the original by its middle. */
export async function firstPicture(page: Page, bytes: Uint8Array, side: number): Promise<number[]> {
  // The app's own policy lets it play nothing.
  const plain = await page.context().newPage();
  try {
    return await plain.evaluate(
      async ({ data, side }) => {
        const video = document.createElement('video');
        video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))]));
        video.muted = true;
        await new Promise((resolve, reject) => {
          video.onloadeddata = resolve;
          video.onerror = () => reject(new Error(video.error?.message));
        });
        document.body.append(video);
        // Nothing can be drawn before a picture was shown.
        const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        video.currentTime = 0.001;
        await shown;
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = side;
        const context = canvas.getContext('2d')!;
        context.drawImage(video, 0, 0, side, side);
        return [...context.getImageData(0, 0, side, side).data];
      },
      { data: Buffer.from(bytes).toString('base64'), side },
    );
  } finally {
    await plain.close();
  }
}
