import type * as sdk from "@aws-sdk/client-iam";
import type { Random } from "../../base/random.ts";
import { AlreadyExists, BadToken, type ResourceStore, TooManyTags } from "../../state/store.ts";
import type { Context } from "../../wire/context.ts";
import { Fault } from "../../wire/http.ts";
import type { Handlers } from "../../wire/service.ts";
import { ROLE } from "./kinds.ts";
import { changeRole, checkedPolicy, type Role, roleOf } from "./role-store.ts";

const MOST_TAGS = 50;

export function roleHandlers(
  store: ResourceStore,
  accountId: string,
  random: Random,
): Handlers<typeof sdk, Context> {
  return {
    async CreateRole(input) {
      const path = input.Path ?? "/";
      const tags = Object.fromEntries((input.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
      const spec = {
        roleId: `AROA${random.bytes(9).toString("hex").toUpperCase().slice(0, 17)}`,
        path,
        trustPolicy: checkedPolicy(input.AssumeRolePolicyDocument),
        ...(input.Description !== undefined && { description: input.Description }),
        maxSessionSeconds: input.MaxSessionDuration ?? 3600,
        ...(input.PermissionsBoundary !== undefined && { permissionsBoundary: input.PermissionsBoundary }),
        inlinePolicies: {},
        attachedPolicies: [],
      };
      const arn = `arn:aws:iam::${accountId}:role${path}${input.RoleName}`;
      try {
        const status = { state: "Active" } as const;
        const role = await store.create(ROLE, { name: input.RoleName, arn, spec, status, tags });
        return { Role: { ...described(role), ...(input.Tags?.length && { Tags: input.Tags }) } };
      } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error;
        throw new Fault("EntityAlreadyExists", `Role with name ${input.RoleName} already exists.`, 409);
      }
    },

    async GetRole({ RoleName }) {
      const role = await roleOf(store, RoleName);
      const tags = tagList(await store.tags(role.arn));
      return { Role: { ...described(role), RoleLastUsed: {}, ...(tags.length && { Tags: tags }) } };
    },

    async ListRoles({ PathPrefix = "/", Marker, MaxItems = 100 }) {
      const query = { sortBy: "Name", descending: false, limit: MaxItems, token: Marker } as const;
      const page = await store.list(ROLE, query).catch((error: unknown) => {
        throw error instanceof BadToken ? new Fault("ValidationError", "The Marker is not valid.") : error;
      });
      // a page may hold fewer than MaxItems, even none, as IAM documents it
      const roles = page.items.filter(({ spec }) => spec.path.startsWith(PathPrefix));
      return {
        Roles: roles.map(described),
        IsTruncated: page.next !== undefined,
        ...(page.next !== undefined && { Marker: page.next }),
      };
    },

    async UpdateRole({ RoleName, Description, MaxSessionDuration }) {
      await changeRole(store, RoleName, (spec) => ({
        ...spec,
        ...(Description !== undefined && { description: Description }),
        ...(MaxSessionDuration !== undefined && { maxSessionSeconds: MaxSessionDuration }),
      }));
      return {};
    },

    async UpdateAssumeRolePolicy({ RoleName, PolicyDocument }) {
      const trustPolicy = checkedPolicy(PolicyDocument);
      await changeRole(store, RoleName, (spec) => ({ ...spec, trustPolicy }));
      return {};
    },

    async DeleteRole({ RoleName }) {
      const role = await roleOf(store, RoleName);
      if (role.spec.attachedPolicies.length)
        throw new Fault("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409);
      if (Object.keys(role.spec.inlinePolicies).length)
        throw new Fault("DeleteConflict", "Cannot delete entity, must delete policies first.", 409);
      await store.remove(ROLE, role);
      return {};
    },

    async TagRole({ RoleName, Tags }) {
      const { arn } = await roleOf(store, RoleName);
      const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
      await store.putTags(arn, tags, MOST_TAGS).catch((error: unknown) => {
        throw error instanceof TooManyTags
          ? new Fault("LimitExceeded", "The number of tags has reached the maximum limit.", 409)
          : error;
      });
      return {};
    },

    async UntagRole({ RoleName, TagKeys }) {
      await store.removeTags((await roleOf(store, RoleName)).arn, TagKeys);
      return {};
    },

    async ListRoleTags({ RoleName }) {
      const { arn } = await roleOf(store, RoleName);
      return { Tags: tagList(await store.tags(arn)), IsTruncated: false };
    },

    // Terraform asks before it deletes a role
    async ListInstanceProfilesForRole({ RoleName }) {
      await roleOf(store, RoleName);
      return { InstanceProfiles: [], IsTruncated: false };
    },
  };
}

function described({ name, arn, createdAt, spec }: Role) {
  return {
    RoleName: name,
    Arn: arn,
    Path: spec.path,
    RoleId: spec.roleId,
    CreateDate: new Date(createdAt),
    // IAM's answers carry policies percent-encoded; boto3 decodes them
    AssumeRolePolicyDocument: encodeURIComponent(spec.trustPolicy),
    MaxSessionDuration: spec.maxSessionSeconds,
    ...(spec.description !== undefined && { Description: spec.description }),
    ...(spec.permissionsBoundary !== undefined && {
      PermissionsBoundary: {
        PermissionsBoundaryType: "PermissionsBoundaryPolicy" as const,
        PermissionsBoundaryArn: spec.permissionsBoundary,
      },
    }),
  };
}

function tagList(tags: ReadonlyMap<string, string> | undefined): { Key: string; Value: string }[] {
  return [...(tags ?? [])].map(([Key, Value]) => ({ Key, Value }));
}
