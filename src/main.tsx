import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './ui/tokens.css';
import './ui/base.css';
import { App } from './app/App';
import { createApp } from './app/create-app';
import { registerServiceWorker } from './app/offline';

const app = createApp();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App {...app} />
  </StrictMode>,
);
void app.controller.boot();
void registerServiceWorker(
  new Promise((resolve) =>
    app.stores.engine.subscribe(({ status }) => status?.backend && resolve(status.backend.name)),
  ),
);
