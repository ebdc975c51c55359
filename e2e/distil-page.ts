import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect } from '@playwright/test';

/** What a person does on the Distil tab. */

/** Types a number into the settings. */
export async function setNumber(page: Page, label: string | RegExp, value: number): Promise<void> {
  const field = page.getByRole('textbox', { name: label }); // its reset button is named after it
  await field.fill(String(value));
  await field.press('Enter');
}

/** Leaves out what a run is not about: distances, and features that take longer than the teacher's own encoder. */
export async function plainRun(page: Page): Promise<void> {
  await page.getByLabel('Preset').selectOption('small-encoder');
  await setNumber(page, 'Images per quality check', 0);
}

export const start = (page: Page) => page.getByRole('button', { name: 'Start', exact: true }).click();

/** Images seen, as the large number says. */
export async function imagesSeen(page: Page): Promise<number> {
  const text = (await page.locator('.run-progress .reading').textContent()) ?? '';
  return Number(text.split('of')[0]!.replace(/\D/g, ''));
}

export const seesImages = (page: Page, count: number, timeout = 120_000) =>
  expect.poll(() => imagesSeen(page), { timeout }).toBeGreaterThanOrEqual(count);

export const isSaved = (page: Page) =>
  expect(page.getByText(/^Saved \d+ s ago/)).toBeVisible({ timeout: 60_000 });

export const hasEnded = (page: Page, how: 'Finished' | 'Stopped', timeout = 120_000) =>
  expect(page.locator('.run-facts strong')).toHaveText(how, { timeout });

/** Bytes of what the Save dialog gives under a name. */
export async function saved(page: Page, name: string): Promise<Buffer> {
  const open = page.getByRole('dialog', { name: 'Save from this run' });
  if (!(await open.isVisible())) await page.getByRole('button', { name: 'Save', exact: true }).click();
  const waiting = page.waitForEvent('download');
  await open.getByRole('button', { name: `Save ${name}`, exact: true }).click();
  const download = await waiting;
  return readFile(await download.path());
}

export const closeDialog = (page: Page) => page.getByRole('button', { name: 'Close' }).click();

export type Row = Record<string, number | null>;

/** The curves as rows; speed is left out, for it is never the same twice. */
export function rows(csv: Buffer): Row[] {
  const [head = '', ...lines] = csv.toString('utf8').trim().split('\n');
  const names = head.split(',');
  return lines.map((line) => {
    const values = line.split(',');
    return Object.fromEntries(
      names.flatMap((name, i) =>
        name === 'imagesPerSecond' ? [] : [[name, values[i] ? Number(values[i]) : null]],
      ),
    );
  });
}
