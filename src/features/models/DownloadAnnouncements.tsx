import { useEffect } from 'react';
import { useStore } from 'zustand';
import { useApp } from '../../state/react';

/** Says in passing what has come, wherever the person is, and that something failed where it does not show. */
export function DownloadAnnouncements() {
  const { announce, stores, controller } = useApp();
  const newest = useStore(stores.downloads, (s) => s.news.at(-1));
  useEffect(() => {
    if (!newest) return;
    if (!newest.failed) {
      const { use } = newest;
      const offers = use !== null && stores.view.getState().model !== use;
      announce(newest.text, offers ? { label: 'Use', perform: () => controller.use(use) } : undefined);
      controller.rows?.dismiss(newest.id);
    } else if (stores.view.getState().tab !== 'models')
      announce(
        newest.choose
          ? 'A download has come: Models asks how it is meant.'
          : 'A download stopped: Models says why.',
      );
  }, [newest, announce, stores, controller]);
  return null;
}
