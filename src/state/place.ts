/**
 * Where a piece of state lives between visits. Each store's type has a table of places beside it, so that a key which
 * is added to the state does not compile until it has its place. Engine status, images, the catalogue and
 * distillations are made anew on every visit.
 */
export type Place = { where: 'url'; param: string } | { where: 'storage'; key: string };
