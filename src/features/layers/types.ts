export type { Pair } from '../../state/layers/pair';
export type { Findings, Looks, Maps, Picture } from '../../state/layers/store';
