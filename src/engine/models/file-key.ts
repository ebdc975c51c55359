/** What keys of opened files begin with; no id of the catalogue does. */
export const FILE_KEY = 'file:';
