/** The moment that is looked at, in images seen; null = the newest. */
export interface Moment {
  at: number | null;
  pick: (images: number | null) => void;
  hover: (images: number | null) => void;
}
