/** The members of structures, read from their schemas once: requests of the same operations come again and again. */
import type { NormalizedSchema } from "@smithy/core/schema";
import type { StaticStructureSchema } from "@smithy/types";

/** What reading, checking and writing a member needs to know of it. */
export interface Member {
  readonly name: string;
  readonly schema: NormalizedSchema;
  readonly traits: ReturnType<NormalizedSchema["getMergedTraits"]>;
  /** The header that it travels as, in lower case. */
  readonly header: string | undefined;
  readonly required: boolean;
  /** As errors name it: `endpointName`. */
  readonly at: string;
  /** With its structure's name: `InvokeEndpointInput.EndpointName`. */
  readonly qualified: string;
  /** A streamed body, of which nothing can be said before it is read. */
  readonly streaming: boolean;
  /** Has no members or items of its own. */
  readonly simple: boolean;
}

const known = new WeakMap<object, readonly Member[]>();

export function membersOf(structure: NormalizedSchema): readonly Member[] {
  const key = structure.getSchema() as StaticStructureSchema;
  const read = known.get(key);
  if (read) return read;
  const requiredCount = key[6] ?? 0; // the required members come first
  const members = [...structure.structIterator()].map(([name, schema], index): Member => ({
    name,
    schema,
    traits: schema.getMergedTraits(),
    header: schema.getMergedTraits().httpHeader?.toLowerCase(),
    required: index < requiredCount,
    at: name.charAt(0).toLowerCase() + name.slice(1),
    qualified: `${structure.getName()}.${name}`,
    streaming: schema.isStreaming(),
    simple: !schema.isStructSchema() && !schema.isListSchema() && !schema.isMapSchema(),
  }));
  known.set(key, members);
  return members;
}
