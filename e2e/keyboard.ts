import { expect, type Locator, type Page } from '@playwright/test';

/** A person with nothing but keys: after every press the focus is somewhere, and can be seen. */
export class Keyboard {
  /** Where the focus was lost or could not be seen. */
  readonly faults: string[] = [];

  constructor(private readonly page: Page) {}

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
      await this.look(key);
    }
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
    await this.look(text);
  }

  /** Tab by Tab to a control. */
  async to(target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    await expect(target).toBeVisible();
    for (let stops = 0; stops < 120; stops++) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await this.press(key);
    }
    throw new Error(`no Tab reaches ${target}`);
  }

  /** Notes a focus that is nowhere, or that nothing shows. */
  async look(after: string): Promise<void> {
    // What follows a press may come with the next frame, as the focus of a part that is shown then.
    await this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))),
    );
    const fault = await this.page.evaluate(faultOfFocus);
    // Behind the last stop of a page the browser's own controls begin.
    const left = fault === 'lost' && /Tab$/.test(after);
    if (fault && !left) this.faults.push(`${after}: ${fault}`);
  }
}

/** What is wrong with the focus; null = nothing. It runs in the page. */
function faultOfFocus(): string | null {
  const focused = document.activeElement;
  if (!focused || focused === document.body || focused === document.documentElement) return 'lost';
  const name = focused.getAttribute('aria-label') ?? focused.textContent?.trim().slice(0, 40) ?? '';
  const what = `${focused.tagName.toLowerCase()}.${focused.className} “${name}”`;
  const box = focused.getBoundingClientRect();
  const framed = [focused, focused.parentElement, focused.nextElementSibling].some((element) => {
    if (!element) return false;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
  });
  if (!framed) return `no ring around ${what}`;
  const seen = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return seen ? null : `out of sight: ${what}`;
}
