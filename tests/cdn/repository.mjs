// A model's repository: commits of files, and the hub's listing of them.

import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Content } from './content.mjs';

/** What the hub keeps in its storage and not in git; of these alone it publishes a SHA-256. */
export const isLarge = (file) => file.endsWith('.safetensors');

const filesOf = (folder) =>
  new Map(
    readdirSync(folder)
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, Content.file(join(folder, name))]),
  );

export class Repository {
  #name;
  #licence;
  /** Files by commit, the newest last. */
  #commits = new Map();

  /**
   * @param {string} name `owner/name`
   * @param {object} source
   * @param {string} [source.folder] whose files it has
   * @param {Map<string, Content>} [source.files] or these
   * @param {string} [source.commit] 40 hex digits; made up otherwise
   * @param {string | null} [source.licence]
   */
  constructor(name, { folder, files = filesOf(folder), commit, licence = 'mit' }) {
    this.#name = name;
    this.#licence = licence;
    this.#commit(files, commit);
  }

  #commit(files, commit) {
    const seed = `${this.#name} ${this.#commits.size}`;
    this.#commits.set(commit ?? createHash('sha1').update(seed).digest('hex'), files);
  }

  /** The newest commit. */
  get head() {
    return [...this.#commits.keys()].at(-1);
  }

  /** Makes a new commit with another `content` of `file`; null removes it. */
  put(file, content) {
    const files = new Map(this.#commits.get(this.head));
    if (content) files.set(file, content);
    else files.delete(file);
    this.#commit(files);
  }

  /** The commit that `main`, or a commit's own number, stands for. */
  resolve(revision) {
    const commit = revision === 'main' ? this.head : revision;
    return this.#commits.has(commit) ? commit : undefined;
  }

  /** @returns {Content | undefined} */
  file(commit, file) {
    return this.#commits.get(commit)?.get(file);
  }

  /** `/api/models/{name}/revision/{revision}?blobs=true` */
  async listing(commit) {
    const sibling = async ([rfilename, content]) => {
      const lfs = isLarge(rfilename) && { sha256: await content.sha256(), size: content.size, pointerSize: 134 };
      return { rfilename, size: content.size, ...(lfs && { lfs }) };
    };
    return {
      id: this.#name,
      modelId: this.#name,
      sha: commit,
      private: false,
      gated: false,
      disabled: false,
      cardData: this.#licence === null ? {} : { license: this.#licence },
      siblings: await Promise.all([...this.#commits.get(commit)].map(sibling)),
    };
  }
}
