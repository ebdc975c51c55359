import { type PrefsStore, THEMES, type Theme } from '../state/prefs';

/** The ground of each theme (ui/tokens.css), for what the system draws around the page. */
const GROUND = { light: '#f6f6f3', dark: '#111313' } as const;

/** Puts the chosen theme on the root element and into the frame of the window; 'auto' leaves both to the system. */
export function followTheme(prefs: PrefsStore): void {
  const apply = (theme: Theme) => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    // index.html has one of these for each scheme of the system.
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
      const own = meta.media.includes('dark') ? 'dark' : 'light';
      meta.content = GROUND[theme === 'auto' ? own : theme];
    }
  };
  apply(prefs.getState().theme);
  prefs.subscribe(({ theme }) => apply(theme));
}

export const nextTheme = (theme: Theme): Theme => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
