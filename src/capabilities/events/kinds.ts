/** What EventBridge keeps in the store: rules with their targets, connections and API destinations. */
import type {
  CreateApiDestinationRequest,
  CreateConnectionRequest,
  Target,
} from "@aws-sdk/client-eventbridge";
import { defineKind, type Resource } from "../../state/resource.ts";

/** A rule of the default bus. */
export interface RuleSpec {
  /** JSON, as it was given. */
  readonly pattern: string;
  readonly enabled: boolean;
  readonly description?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly targets: readonly Target[];
}

type Existing = { readonly state: "Exists" };
const arrows = { Exists: [] };

export type Rule = Resource<RuleSpec, Existing>;
export const RULE = defineKind<RuleSpec, Existing>({ name: "event-rule", arrows });

/** How API destinations are authorized, secrets included. */
export type ConnectionSpec = Pick<
  CreateConnectionRequest,
  "Description" | "AuthorizationType" | "AuthParameters"
>;
export const CONNECTION = defineKind<ConnectionSpec, Existing>({ name: "event-connection", arrows });

/** A URL that events are sent to. */
export type ApiDestinationSpec = Omit<CreateApiDestinationRequest, "Name">;
export const API_DESTINATION = defineKind<ApiDestinationSpec, Existing>({
  name: "event-api-destination",
  arrows,
});
