import { expect, type Page } from '@playwright/test';

/**
 * Every slider that is in the page has its numeric twin and a button that resets it.
 * @returns the names of the sliders, so that a test can say which it has seen.
 */
export async function completeSliders(page: Page): Promise<string[]> {
  const sliders = await page.locator('input[type="range"]').evaluateAll((elements) =>
    elements.map((element) => {
      const name = (element as HTMLInputElement).labels?.[0]?.textContent?.trim() ?? '';
      const twins = document.querySelectorAll(`input[type="text"][aria-label="${name} value"]`);
      const resets = document.querySelectorAll(`button[aria-controls="${element.id}"][aria-label]`);
      return { name, twins: twins.length, resets: resets.length };
    }),
  );
  for (const slider of sliders) expect(slider).toEqual({ name: slider.name, twins: 1, resets: 1 });
  return sliders.map(({ name }) => name);
}
