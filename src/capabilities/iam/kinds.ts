import { defineKind } from "../../state/resource.ts";

/** What IAM keeps of a role. Nothing is authorized by its policies yet; they are kept for those who read them back. */
export interface RoleSpec {
  readonly roleId: string;
  /** `/` or `/team/`. */
  readonly path: string;
  /** JSON. */
  readonly trustPolicy: string;
  readonly description?: string;
  readonly maxSessionSeconds: number;
  readonly permissionsBoundary?: string;
  /** JSON by name. */
  readonly inlinePolicies: Readonly<Record<string, string>>;
  /** ARNs. */
  readonly attachedPolicies: readonly string[];
}

/** An IAM role. Names that differ in case only are the same name, as in IAM. */
export const ROLE = defineKind<RoleSpec, { readonly state: "Active" }>({
  name: "role",
  arrows: { Active: [] },
  ignoresCase: true,
});
