import { useStore } from 'zustand';
import type { DownloadNews as News } from '../../state/models/downloads-store';
import { useApp } from '../../state/react';
import { copyText } from '../../ui/copy-text';
import { Note } from '../../ui/Note';

/**
 * What went wrong with downloads, each with the way by hand, and what a person has to choose; stays until it is dismissed
 * or tried again.
 */
export function DownloadNews() {
  const news = useStore(useApp().stores.downloads, (s) => s.news);
  const failed = news.filter((n) => n.failed);
  if (failed.length === 0) return null;
  return (
    <div className="download-news">
      {failed.map((n) => (
        <Failure key={n.id} news={n} />
      ))}
    </div>
  );
}

function Failure({ news: { id, text, address, choose } }: { news: News }) {
  const { announce, controller } = useApp();
  const copy = async (address: string) =>
    announce((await copyText(address)) ? 'Address copied' : 'The browser did not allow copying');
  return (
    <Note
      tone={choose ? 'info' : 'error'}
      onDismiss={() => controller.rows?.dismiss(id)}
      actions={
        choose
          ? choose.from.map((choice) => (
              <button
                key={choice}
                type="button"
                className="button"
                onClick={() => controller.rows?.choose(id, choice)}
              >
                {choice}
              </button>
            ))
          : address && (
              <>
                <button type="button" className="button" onClick={() => void copy(address)}>
                  Copy address
                </button>
                <code className="address">{address}</code>
              </>
            )
      }
    >
      {text}
    </Note>
  );
}
