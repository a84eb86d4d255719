/** What Tideway's own API keeps in the store. */
import { defineKind } from "../../state/resource.ts";

/** An image name and the program that runs for it: `tideway image add NAME -- COMMAND...`. */
export interface ImageAliasSpec {
  readonly command: readonly string[];
}

export const ImageAliasKind = defineKind<ImageAliasSpec, { readonly state: "Exists" }>({
  name: "ImageAlias",
  arrows: { Exists: [] },
});
