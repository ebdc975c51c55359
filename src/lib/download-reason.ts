/** Why a download ended without its file. */
export type DownloadReason =
  | 'offline' // the machine has no connection
  | 'blocked' // no answer at all: the host allows no page to fetch it, or something in between forbids it
  | 'foreign' // the address, or where the host sent us, is no host of the list
  | 'not-a-file' // a page or a pointer in the file's place
  | 'missing' // HTTP 404, 410
  | 'forbidden' // HTTP 401, 403: a sign-in or terms to be accepted there
  | 'busy' // the host failed again and again
  | 'broken' // the connection broke again and again
  | 'wrong-length'
  | 'wrong-content' // another SHA-256 than the expected one
  | 'full' // no room in this browser or on this disk
  | 'elsewhere' // another tab or process downloads it
  | 'cancelled';
