import { Fragment, type ReactNode } from 'react';
import { useStore } from 'zustand';
import type { Consent } from '../../state/models/wanted';
import { useApp } from '../../state/react';
import { Dialog } from '../../ui/Dialog';
import { formatBytes } from '../../ui/format';
import { Note } from '../../ui/Note';
import './downloads.css';

/** What is said, and asked, before another host is asked for anything. */
export default function ConsentDialog() {
  const { controller, stores } = useApp();
  const consent = useStore(stores.downloads, (s) => s.consent);
  const { rows } = controller;
  if (!consent || !rows) return null;
  const { wanted, host, size } = consent;
  const short = consent.needed !== null && consent.free !== null && consent.needed > consent.free;
  return (
    <Dialog title={`Download ${wanted.title}?`} onClose={rows.decline}>
      <div className="consent">
        <dl>
          {factsOf(consent).map(([term, fact]) => (
            <Fragment key={term}>
              <dt>{term}</dt>
              <dd>{fact}</dd>
            </Fragment>
          ))}
        </dl>
        {short && (
          <Note tone="warn">
            There is not enough room. Delete what you do not need first: downloaded models and parts of them
            in Models, saved runs in Distil.
          </Note>
        )}
        <p>
          {host} and the hosts it keeps its files on learn, as with any request of a browser, this machine’s
          network address, its browser, system and languages; that this page is at {location.host}; and which
          file it asks for. No cookies are sent, and nothing of what you do here. Until you press Download,
          nothing is asked.
        </p>
        <p>
          The file is read as data: nothing in it is run. When it is here, it is shown in Generate, unless you
          have gone on to something else.
        </p>
        <div className="consent-actions">
          <button type="button" className="button quiet" onClick={rows.decline}>
            Cancel
          </button>
          <button type="button" className="button primary" onClick={rows.agree} data-autofocus>
            Download{size && ` ${size.estimated ? 'about ' : ''}${formatBytes(size.bytes)}`}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function factsOf({ wanted, size, kept, needed, free, memory, licence }: Consent): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [
    ['From', <span key="from">{wanted.address.replace(/^https:\/\//, '')}</span>],
    ['Size', sizeWords(size, kept)],
    ['Storage', storageWords(free, needed)],
  ];
  if (memory !== null) facts.push(['Memory', `about ${formatBytes(memory)} on a GPU, for one image`]);
  facts.push(['Licence', licence ?? 'not stated here: see its page']);
  return facts;
}

function sizeWords(size: Consent['size'], kept: number | null): string {
  const keeps = kept === null ? 'kept as float16' : `kept as ${formatBytes(kept)}`;
  if (!size) return `not known; ${keeps}`;
  return size.estimated
    ? `about ${formatBytes(size.bytes)}, estimated from its parameters; ${keeps}`
    : `${formatBytes(size.bytes)}; ${keeps}`;
}

function storageWords(free: number | null, needed: number | null): string {
  const left =
    free === null
      ? 'the browser does not say what is left'
      : `the browser says ${formatBytes(free)} are left`;
  if (needed === null) return `${left}; the download stops where that is not enough`;
  return `${left}; about ${formatBytes(needed)} needed until it is converted`;
}
