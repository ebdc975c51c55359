export type { Findings, Looks, Maps, Picture } from '../../state/layers';
export type { Pair } from '../../state/layers-pair';
