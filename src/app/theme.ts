import { type PrefsStore, THEMES, type Theme } from '../state/prefs';

/** Puts the chosen theme on the root element; 'auto' leaves it to the system. */
export function followTheme(prefs: PrefsStore): void {
  const apply = (theme: Theme) => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(prefs.getState().theme);
  prefs.subscribe(({ theme }) => apply(theme));
}

export const nextTheme = (theme: Theme): Theme => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
