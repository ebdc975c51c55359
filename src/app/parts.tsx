import { type ReactNode, Suspense } from 'react';
import { part } from '../ui/part';
import { ErrorBoundary } from './ErrorBoundary';
import { reloadPage } from './offline';

/** With what the controller loads for it (state/controller.ts), so that both are fetched together. */
export const DistilView = part(async () => {
  const [view] = await Promise.all([
    import('../features/distil/DistilView'),
    import('../state/distil/controller'),
  ]);
  return view;
});
export const LayersView = part(() => import('../features/layers/LayersView'));
export const ModelsView = part(() => import('../features/models/ModelsView'));
export const MeasureView = part(() => import('../features/measure/MeasureView'));
export const ConsentDialog = part(() => import('../features/models/ConsentDialog'));
export const Palette = part(() => import('./palette/Palette'));
export const Help = part(() => import('./Help'));

/** The place of a part that comes over the page: nothing until it is there, and a word where it cannot be had. */
export function PartShown({ name, children }: { name: string; children: ReactNode }) {
  return (
    <ErrorBoundary name={name} comfort="Everything else still works." onReload={() => void reloadPage()}>
      <Suspense>{children}</Suspense>
    </ErrorBoundary>
  );
}
