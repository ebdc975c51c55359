import type { FileFeature } from '../distil/config';

/** Parts of the published method that are too large to ship: a person may give them as files. */
export interface PaperFiles {
  /** torchvision's VGG16-BN or timm's DeiT-B distilled: a second feature network. */
  secondFeatures?: File;
  /** Class embeddings that the conditional heads begin from. */
  classTable?: File;
}

export type PaperFile = keyof PaperFiles;

/** What such a file was found to hold. */
export interface PaperFileChecks {
  secondFeatures: { network: FileFeature };
  /** A row for each class. */
  classTable: { rows: number; dim: number };
}

/** A file that a run was given, for whoever has to choose it again. */
export interface NamedFile {
  name: string;
  bytes: number;
}
