import { useStore } from 'zustand';
import type { ImagesStore } from '../../state/generate/images';
import { useApp } from '../../state/react';
import type { PictureSource } from '../../ui/PictureCanvas';

/** The images of the store, for canvases that follow it by themselves. */
export function pictureSource(images: ImagesStore): PictureSource {
  return {
    get: (index) => images.getState().images[index] ?? null,
    subscribe: (listener) => images.subscribe(listener),
  };
}

/** Whether the images in view were made beforehand, now, or not at all. */
export function useGridState(): 'empty' | 'beforehand' | 'live' {
  const { stores } = useApp();
  return useStore(stores.images, ({ images }) => {
    if (images.some((image) => image && image.generation > 0)) return 'live';
    return images.some((image) => image) ? 'beforehand' : 'empty';
  });
}
