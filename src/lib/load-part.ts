import { InnateError } from './errors';

/**
 * A part of the page that is loaded when it is first needed has not come: the page is older than what its host now
 * has, or the connection is gone.
 */
export class MissingPart extends InnateError {
  constructor(cause: unknown) {
    super(
      'io',
      'A part of this page could not be loaded',
      {
        hint: 'The connection may be lost, or a new version may have been published since this page was opened. Reload the page: its address keeps the model, the seed and the settings',
      },
      cause,
    );
    this.name = 'MissingPart';
  }
}

/** Waits for a dynamic import; throws a `MissingPart` where its file cannot be had. */
export async function loadPart<T>(part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch (error) {
    throw new MissingPart(error);
  }
}
