import type { ArtifactSource } from "./engine.ts";

/** An artifact on local disk, kept there until it is released. */
export interface ArtifactLease {
  /** The folder that `/opt/ml/model` stands for. Read-only: instances share it. */
  readonly path: string;
  /** sha256, hex: of the archive for a Gzip source, of the names and hashes of the files otherwise. */
  readonly digest: string;
  /** Relative paths, sorted. */
  readonly files: readonly string[];
  release(): void;
}

/** How much of an artifact is there already. */
export interface ArtifactProgress {
  readonly bytes: number;
  readonly totalBytes?: number;
}

/** Brings artifacts to local disk. */
export interface Artifacts {
  /**
   * Resolves when the artifact is there, whole and verified. Rejects with ArtifactError, or with the signal's reason.
   */
  ensure(
    source: ArtifactSource,
    options: { signal: AbortSignal; onProgress?: (progress: ArtifactProgress) => void },
  ): Promise<ArtifactLease>;
}

/** The artifact can not be had; the message is a sentence for a FailureReason. */
export class ArtifactError extends Error {
  override readonly name = "ArtifactError";
}
