import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './ui/tokens.css';
import './ui/base.css';
import './ui/controls.css';
import { App } from './app/App';
import { createApp } from './app/create-app';
import { ErrorBoundary } from './app/ErrorBoundary';
import { keepForOffline, registerServiceWorker, reloadPage } from './app/offline';
import { fetchParts } from './ui/part';

const { boot, ...app } = createApp();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <ErrorBoundary
      name="The page"
      comfort="Its address keeps the model, the seed and the settings."
      onReload={() => void reloadPage()}
    >
      <App {...app} />
    </ErrorBoundary>
  </StrictMode>,
);
void boot()
  .then(() => fetchParts())
  .then(keepForOffline);
void registerServiceWorker(
  new Promise((resolve) =>
    app.stores.engine.subscribe(({ status }) => status?.backend && resolve(status.backend.name)),
  ),
);
