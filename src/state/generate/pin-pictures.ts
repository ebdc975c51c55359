import { createStore, type StoreApi } from 'zustand/vanilla';
import type { MadeImage } from './images';
import { formatPin, type Pin } from './points';

/** Pictures of pins by model and pin; they are made anew on every visit. */
export type PinPicturesStore = StoreApi<{ pictures: Readonly<Record<string, MadeImage>> }>;
export const createPinPicturesStore = (): PinPicturesStore => createStore(() => ({ pictures: {} }));

export const pinPictureKey = (modelKey: string, pin: Pin): string => `${modelKey} ${formatPin(pin)}`;
