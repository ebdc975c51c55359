import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { GenerateView } from '../features/generate/GenerateView';
import { DownloadAnnouncements } from '../features/models/DownloadAnnouncements';
import { type AppContext, AppProvider } from '../state/react';
import { Toast, type ToastContent } from '../ui/Toast';
import { createActions, handleKey, TAB_NAMES } from './actions';
import './app.css';
import { DropTarget } from './DropTarget';
import { ErrorBoundary } from './ErrorBoundary';
import { reloadPage } from './offline';
import { ConsentDialog, DistilView, Help, LayersView, ModelsView, PartShown } from './parts';
import { StatusBar } from './StatusBar';
import { TopBar } from './TopBar';
import { WorkBar } from './WorkBar';

const TOAST_MS = 6000;

export function App({ stores, controller }: Pick<AppContext, 'stores' | 'controller'>) {
  const [toast, setToast] = useState<ToastContent | null>(null);
  const [held, setHeld] = useState(false);
  const [help, setHelp] = useState(false);
  const fileInput = useRef<HTMLInputElement>(null);
  const tab = useStore(stores.view, (v) => v.tab);
  const asked = useStore(stores.downloads, (d) => d.consent !== null);

  const app = useMemo<AppContext>(
    () => ({
      stores,
      controller,
      announce: (text, action) => setToast({ text, action }),
      showHelp: () => setHelp(true),
    }),
    [stores, controller],
  );
  const chooseFile = useCallback(() => fileInput.current?.click(), []);
  const actions = useMemo(() => createActions(app, { chooseFile }), [app, chooseFile]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => handleKey(event, actions);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [actions]);
  useEffect(() => {
    document.title = `${TAB_NAMES[tab]} - Innate`; // what the browser's history shows
  }, [tab]);
  useEffect(() => {
    if (toast === null || held) return;
    const timer = setTimeout(() => setToast(null), TOAST_MS);
    return () => clearTimeout(timer);
  }, [toast, held]);

  return (
    <AppProvider value={app}>
      <div className="app">
        <TopBar actions={actions} fileInput={fileInput} />
        <main>
          {tab !== 'generate' && <WorkBar />}
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
                {tab === 'models' && <ModelsView onChooseFile={chooseFile} />}
              </Suspense>
            </ErrorBoundary>
          </div>
        </main>
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
      {help && (
        <PartShown name="Help">
          <Help actions={actions} onClose={() => setHelp(false)} />
        </PartShown>
      )}
    </AppProvider>
  );
}
