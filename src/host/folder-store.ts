/** By which name a folder is kept, and which older ones will do. */
export interface StoreKeys {
  key: string;
  /** Beginnings of keys, the best first; the newest entry of the first that has one is taken. */
  prefixes: readonly string[];
}

/**
 * Keeps folders from one run to the next where the machine does not, such as the cache of a workflow. Neither call
 * throws, but on an interruption: without it the work is done again. What comes out of it may be anything.
 */
export interface FolderStore {
  /**
   * @param folder whose base name is the one under which it was saved; must not exist
   * @returns the key of what the folder now holds; null where nothing was restored, and then there is no folder
   */
  restore(keys: StoreKeys, folder: string): Promise<string | null>;
  /** @returns whether it is kept now */
  save(key: string, folder: string): Promise<boolean>;
}
