import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import { createStore } from 'zustand/vanilla';
import type { PathPlayer, PlayerState } from '../../../state/path/player';
import { NO_PATH } from '../../../state/path/player';
import { useApp, useView } from '../../../state/react';

const nothing = createStore<PlayerState>(() => NO_PATH);

/** The player once the view has a path; null before. */
export function usePathPlayer(): PathPlayer | null {
  const { controller } = useApp();
  const wanted = useView((v) => v.path !== '');
  const [player, setPlayer] = useState<PathPlayer | null>(null);
  useEffect(() => {
    if (wanted) void controller.playground.player().then(setPlayer, () => {});
  }, [wanted, controller]);
  return player;
}

/** A part of what is played; that of no path while there is none. */
export function usePlayer<T>(select: (state: PlayerState) => T): T {
  return useStore(usePathPlayer()?.store ?? nothing, useShallow(select));
}
