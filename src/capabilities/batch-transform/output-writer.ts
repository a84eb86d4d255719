/** The output of one object: put at once where it is short, else in parts, each with a checkpoint. */
import { NoSuchObject, type PartStore, type UploadedPart } from "../../objects/object-store.ts";
import type { RecordPosition } from "./records/payload.ts";

export interface OutputPlace {
  readonly bucket: string;
  readonly key: string;
}

/** What is uploaded, and what is next. */
export interface UploadState {
  readonly upload: string;
  readonly parts: readonly UploadedPart[];
  readonly next: RecordPosition;
}

/** What was uploaded before a restart is not there any more: the object is to be begun anew. */
export class UploadGone extends Error {
  override readonly name = "UploadGone";
}

/** S3 asks for 5 MiB at least. */
const FIRST_PARTS = 8 * 1024 ** 2;
/** S3 takes 10,000 parts: they grow. */
const PARTS_OF_A_SIZE = 2_000;
const MOST_PART = 64 * 1024 ** 2;

/** The least a part has; the same for the same number, so that a job that goes on makes the parts it would have made. */
export const partSize = (parts: number) =>
  Math.min(MOST_PART, FIRST_PARTS * 2 ** Math.floor(parts / PARTS_OF_A_SIZE));

export class OutputWriter {
  readonly #objects: PartStore;
  readonly #place: OutputPlace;
  readonly #save: (state: UploadState) => void;
  readonly #resumed: boolean;
  #upload: string | undefined;
  #parts: UploadedPart[] = [];
  /** Parts that are uploaded or under way. */
  #begun = 0;
  #pending: Buffer[] = [];
  #size = 0;
  #uploading: Promise<void> = Promise.resolve();
  contentType: string | undefined;

  /** `save` keeps a checkpoint; `from` is the one to go on from. */
  constructor(
    objects: PartStore,
    place: OutputPlace,
    save: (state: UploadState) => void,
    from?: UploadState,
  ) {
    this.#objects = objects;
    this.#place = place;
    this.#save = save;
    this.#resumed = from !== undefined;
    if (!from) return;
    this.#upload = from.upload;
    this.#parts = [...from.parts];
    this.#begun = from.parts.length;
  }

  /** Takes what is written for some records; `next` is where the next ones begin. One part is uploaded meanwhile. */
  async write(pieces: readonly Buffer[], next: RecordPosition): Promise<void> {
    for (const piece of pieces) {
      if (piece.length === 0) continue;
      this.#pending.push(piece);
      this.#size += piece.length;
    }
    if (this.#size < partSize(this.#begun)) return;
    await this.#uploading;
    this.#uploading = this.#part(next);
    this.#uploading.catch(() => {}); // told by whoever waits for it next
  }

  /** The object is whole, durable and visible when it resolves. */
  async finish(next: RecordPosition): Promise<void> {
    await this.#uploading;
    const { bucket, key } = this.#place;
    if (this.#upload === undefined) {
      await this.#objects.put(bucket, key, Buffer.concat(this.#pending, this.#size), this.#about());
      return;
    }
    if (this.#size > 0) await this.#part(next);
    await this.#known(() => this.#objects.completeUpload(bucket, key, this.#upload!, this.#parts));
  }

  /** Waits for the part that is under way, and says nothing of it. */
  async settle(): Promise<void> {
    await this.#uploading.catch(() => {});
  }

  get upload(): string | undefined {
    return this.#upload;
  }

  async #part(next: RecordPosition): Promise<void> {
    const bytes = Buffer.concat(this.#pending, this.#size);
    const number = ++this.#begun;
    this.#pending = [];
    this.#size = 0;
    const { bucket, key } = this.#place;
    if (this.#upload === undefined) {
      this.#upload = await this.#objects.startUpload(bucket, key, this.#about());
      this.#save({ upload: this.#upload, parts: [], next: { offset: 0, record: 1 } });
    }
    const part = await this.#known(() => this.#objects.putPart(bucket, key, this.#upload!, number, bytes));
    this.#parts = [...this.#parts, part];
    this.#save({ upload: this.#upload, parts: this.#parts, next });
  }

  async #known<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (this.#resumed && error instanceof NoSuchObject)
        throw new UploadGone("the upload is gone", { cause: error });
      throw error;
    }
  }

  #about(): { contentType?: string } {
    return this.contentType === undefined ? {} : { contentType: this.contentType };
  }
}
