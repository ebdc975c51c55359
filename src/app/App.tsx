import { Suspense, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { GenerateView } from '../features/generate/GenerateView';
import { DownloadAnnouncements } from '../features/models/DownloadAnnouncements';
import type { ActionContext } from '../state/actions/action';
import { Registry } from '../state/actions/registry';
import { type AppContext, AppProvider } from '../state/react';
import { Toast, type ToastContent } from '../ui/Toast';
import { ACTIONS, FAMILIES } from './actions/actions';
import { handleKey } from './actions/keyboard';
import { TAB_NAMES } from './actions/page';
import './app.css';
import { DropTarget } from './DropTarget';
import { ErrorBoundary } from './ErrorBoundary';
import { reloadPage } from './offline';
import {
  ConsentDialog,
  DistilView,
  Help,
  LayersView,
  MeasureView,
  ModelsView,
  Palette,
  PartShown,
} from './parts';
import { StatusBar } from './StatusBar';
import { TopBar } from './TopBar';
import { EngineLine, WorkAnnouncements, WorkBar } from './WorkBar';

const TOAST_MS = 6000;

export function App({ stores, controller }: Pick<AppContext, 'stores' | 'controller'>) {
  const [toast, setToast] = useState<ToastContent | null>(null);
  const [held, setHeld] = useState(false);
  const [over, setOver] = useState<'help' | 'palette' | null>(null);
  const fileInput = useRef<HTMLInputElement>(null);
  const tab = useStore(stores.view, (v) => v.tab);
  const measured = useStore(stores.measure, (m) => m.shown !== null);
  const asked = useStore(stores.downloads, (d) => d.consent !== null);

  const app = useMemo<AppContext>(() => {
    const context: ActionContext = {
      stores,
      controller,
      announce: (text, action) => setToast({ text, action }),
      showHelp: () => setOver('help'),
      showPalette: () => setOver('palette'),
      chooseFile: () => fileInput.current?.click(),
    };
    return { ...context, actions: new Registry(context, ACTIONS, FAMILIES) };
  }, [stores, controller]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => handleKey(event, app.actions);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [app]);
  useLayoutEffect(() => {
    document.title = `${TAB_NAMES[tab]} - Innate`; // what the browser's history shows
    // On a phone the page scrolls, not its panels: a tab would begin where the one before was left.
    scrollTo(0, 0);
  }, [tab]);
  useEffect(() => {
    if (toast === null || held) return;
    const timer = setTimeout(() => setToast(null), TOAST_MS);
    return () => clearTimeout(timer);
  }, [toast, held]);

  const close = () => setOver(null);
  return (
    <AppProvider value={app}>
      <div className="app">
        <TopBar fileInput={fileInput} />
        <main>
          {tab !== 'generate' && <EngineLine />}
          <div className="panel" id={`panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`}>
            <ErrorBoundary
              key={tab}
              name={`The ${TAB_NAMES[tab]} tab`}
              comfort="The other tabs still work."
              onReload={() => void reloadPage()}
            >
              <Suspense>
                {tab === 'generate' && <GenerateView />}
                {tab === 'distil' && <DistilView />}
                {tab === 'layers' && <LayersView />}
                {tab === 'models' &&
                  (measured ? <MeasureView /> : <ModelsView onChooseFile={app.chooseFile} />)}
              </Suspense>
            </ErrorBoundary>
          </div>
        </main>
        <WorkBar />
        <StatusBar />
      </div>
      <DropTarget />
      <Toast
        content={toast}
        onHold={setHeld}
        onDismiss={() => {
          setToast(null);
          setHeld(false); // what had the pointer is gone, and says nothing of it
        }}
      />
      {asked && (
        <PartShown name="The question about this download">
          <ConsentDialog />
        </PartShown>
      )}
      <DownloadAnnouncements />
      <WorkAnnouncements />
      {over && (
        <PartShown name={over === 'help' ? 'Help' : 'The list of actions'}>
          {over === 'help' ? <Help onClose={close} /> : <Palette onClose={close} />}
        </PartShown>
      )}
    </AppProvider>
  );
}
