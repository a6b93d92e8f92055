/** Objects: creating, loading, moving, keeping them; hierarchies; contexts (Part 3, 12, 13, 24, 28). */
import { f } from "../schema.ts";
import {
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_SENSITIVE_CREATE,
  TPM2B_SENSITIVE_DATA,
} from "../types/algorithm-parameters.ts";
import {
  TPM2B_AUTH,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPML_PCR_SELECTION,
  TPMT_TK_CREATION,
} from "../types/basic.ts";
import {
  TPM_HANDLE,
  TPMI_DH_CONTEXT,
  TPMI_DH_OBJECT,
  TPMI_DH_PARENT,
  TPMI_DH_PERSISTENT,
  TPMI_RH_CLEAR,
  TPMI_RH_ENABLES,
  TPMI_RH_HIERARCHY,
  TPMI_RH_HIERARCHY_AUTH,
  TPMI_RH_HIERARCHY_POLICY,
  TPMI_RH_PLATFORM,
  TPMI_RH_PROVISION,
} from "../types/handles.ts";
import { TPMI_ALG_HASH, TPMI_YES_NO } from "../types/integers.ts";
import {
  TPM2B_CREATION_DATA,
  TPM2B_ID_OBJECT,
  TPM2B_PRIVATE,
  TPM2B_PUBLIC,
  TPM2B_SENSITIVE,
  TPM2B_TEMPLATE,
} from "../types/objects.ts";
import { TPMS_CONTEXT } from "../types/storage.ts";
import { TPMT_SYM_DEF_OBJECT } from "../types/symmetric.ts";
import { command, h } from "./spec.ts";

const NEW_OBJECT = [
  f("inSensitive", TPM2B_SENSITIVE_CREATE, "the new object's secrets"),
  f("inPublic", TPM2B_PUBLIC, "the public area that it is to have"),
  f("outsideInfo", TPM2B_DATA, "data to note in the creation data"),
  f("creationPCR", TPML_PCR_SELECTION, "PCRs to note in the creation data"),
];
const HOW_CREATED = [
  f("creationData", TPM2B_CREATION_DATA, "how the object was made"),
  f("creationHash", TPM2B_DIGEST, "digest of the creation data"),
  f("creationTicket", TPMT_TK_CREATION, "proof that this TPM made it"),
];

export const OBJECT_COMMANDS = {
  Create: command("Part 3, 12.1", "Makes a new object under a parent; it has to be loaded to be used.", {
    handles: [h("parentHandle", TPMI_DH_OBJECT, "the parent", "USER")],
    parameters: NEW_OBJECT,
    response: [
      f("outPrivate", TPM2B_PRIVATE, "the private part, encrypted by the parent"),
      f("outPublic", TPM2B_PUBLIC, "the public part"),
      ...HOW_CREATED,
    ],
  }),
  Load: command("Part 3, 12.2", "Loads an object that TPM2_Create or TPM2_Import made.", {
    handles: [h("parentHandle", TPMI_DH_OBJECT, "the parent", "USER")],
    parameters: [
      f("inPrivate", TPM2B_PRIVATE, "the private part, encrypted by the parent"),
      f("inPublic", TPM2B_PUBLIC, "the public part"),
    ],
    responseHandles: [h("objectHandle", TPM_HANDLE, "the loaded object")],
    response: [f("name", TPM2B_NAME, "the object's name")],
  }),
  LoadExternal: command(
    "Part 3, 12.3",
    "Loads an object from outside, e.g. a public key to check signatures.",
    {
      parameters: [
        f("inPrivate", TPM2B_SENSITIVE, "the secret part in the clear, or none"),
        f("inPublic", TPM2B_PUBLIC, "the public part"),
        f("hierarchy", TPMI_RH_HIERARCHY, "the hierarchy that it is to count as"),
      ],
      responseHandles: [h("objectHandle", TPM_HANDLE, "the loaded object")],
      response: [f("name", TPM2B_NAME, "the object's name")],
    },
  ),
  ReadPublic: command("Part 3, 12.4", "Reads the public part of a loaded object.", {
    handles: [h("objectHandle", TPMI_DH_OBJECT, "the object")],
    response: [
      f("outPublic", TPM2B_PUBLIC, "the public part"),
      f("name", TPM2B_NAME, "its name"),
      f("qualifiedName", TPM2B_NAME, "its name with all ancestors"),
    ],
  }),
  ActivateCredential: command("Part 3, 12.5", "Opens a credential, if both keys are on this TPM.", {
    handles: [
      h("activateHandle", TPMI_DH_OBJECT, "the key that the credential is about", "ADMIN"),
      h("keyHandle", TPMI_DH_OBJECT, "the key that it was encrypted for", "USER"),
    ],
    parameters: [
      f("credentialBlob", TPM2B_ID_OBJECT, "the credential, encrypted"),
      f("secret", TPM2B_ENCRYPTED_SECRET, "the secret that opens it, for keyHandle"),
    ],
    response: [f("certInfo", TPM2B_DIGEST, "the credential")],
  }),
  MakeCredential: command(
    "Part 3, 12.6",
    "Encrypts a credential so that only one TPM with one key can open it.",
    {
      handles: [h("handle", TPMI_DH_OBJECT, "the public key to encrypt for")],
      parameters: [
        f("credential", TPM2B_DIGEST, "the credential"),
        f("objectName", TPM2B_NAME, "name of the key that it is about"),
      ],
      response: [
        f("credentialBlob", TPM2B_ID_OBJECT, "the credential, encrypted"),
        f("secret", TPM2B_ENCRYPTED_SECRET, "the secret that opens it"),
      ],
    },
  ),
  Unseal: command("Part 3, 12.7", "Gives back sealed data.", {
    handles: [h("itemHandle", TPMI_DH_OBJECT, "the sealed object", "USER")],
    response: [f("outData", TPM2B_SENSITIVE_DATA, "the data")],
  }),
  ObjectChangeAuth: command("Part 3, 12.8", "Makes a copy of an object with another password.", {
    handles: [
      h("objectHandle", TPMI_DH_OBJECT, "the object", "ADMIN"),
      h("parentHandle", TPMI_DH_OBJECT, "its parent"),
    ],
    parameters: [f("newAuth", TPM2B_AUTH, "the new password")],
    response: [f("outPrivate", TPM2B_PRIVATE, "the private part with the new password")],
  }),
  CreateLoaded: command("Part 3, 12.9", "Makes a new object and loads it at once.", {
    handles: [h("parentHandle", TPMI_DH_PARENT, "the parent or hierarchy", "USER")],
    parameters: [
      f("inSensitive", TPM2B_SENSITIVE_CREATE, "the new object's secrets"),
      f("inPublic", TPM2B_TEMPLATE, "the public area that it is to have"),
    ],
    responseHandles: [h("objectHandle", TPM_HANDLE, "the loaded object")],
    response: [
      f("outPrivate", TPM2B_PRIVATE, "the private part; empty for a primary object"),
      f("outPublic", TPM2B_PUBLIC, "the public part"),
      f("name", TPM2B_NAME, "its name"),
    ],
  }),
  Duplicate: command(
    "Part 3, 13.1",
    "Makes a copy of an object for another parent, perhaps on another TPM.",
    {
      handles: [
        h("objectHandle", TPMI_DH_OBJECT, "the object", "DUP"),
        h("newParentHandle", TPMI_DH_OBJECT, "the public key of its new parent, or none"),
      ],
      parameters: [
        f("encryptionKeyIn", TPM2B_DATA, "key of the inner encryption; empty for the TPM to make it"),
        f("symmetricAlg", TPMT_SYM_DEF_OBJECT, "cipher of the inner encryption, or none"),
      ],
      response: [
        f("encryptionKeyOut", TPM2B_DATA, "key of the inner encryption, if the TPM made it"),
        f("duplicate", TPM2B_PRIVATE, "the copy"),
        f("outSymSeed", TPM2B_ENCRYPTED_SECRET, "the secret that opens it, for the new parent"),
      ],
    },
  ),
  Rewrap: command("Part 3, 13.2", "Encrypts a copy for yet another parent, without looking inside.", {
    handles: [
      h("oldParent", TPMI_DH_OBJECT, "the parent it is encrypted for, or none", "USER"),
      h("newParent", TPMI_DH_OBJECT, "the parent to encrypt it for, or none"),
    ],
    parameters: [
      f("inDuplicate", TPM2B_PRIVATE, "the copy"),
      f("name", TPM2B_NAME, "name of the object"),
      f("inSymSeed", TPM2B_ENCRYPTED_SECRET, "the secret that opens it, for the old parent"),
    ],
    response: [
      f("outDuplicate", TPM2B_PRIVATE, "the copy for the new parent"),
      f("outSymSeed", TPM2B_ENCRYPTED_SECRET, "the secret that opens it"),
    ],
  }),
  Import: command("Part 3, 13.3", "Takes a copy in under a new parent; it has to be loaded to be used.", {
    handles: [h("parentHandle", TPMI_DH_OBJECT, "the new parent", "USER")],
    parameters: [
      f("encryptionKey", TPM2B_DATA, "key of the inner encryption, or empty"),
      f("objectPublic", TPM2B_PUBLIC, "the public part"),
      f("duplicate", TPM2B_PRIVATE, "the copy"),
      f("inSymSeed", TPM2B_ENCRYPTED_SECRET, "the secret that opens it"),
      f("symmetricAlg", TPMT_SYM_DEF_OBJECT, "cipher of the inner encryption, or none"),
    ],
    response: [f("outPrivate", TPM2B_PRIVATE, "the private part, encrypted by the new parent")],
  }),
  CreatePrimary: command(
    "Part 3, 24.1",
    "Makes a primary object from a hierarchy's seed: the same one each time.",
    {
      handles: [h("primaryHandle", TPMI_RH_HIERARCHY, "the hierarchy", "USER")],
      parameters: NEW_OBJECT,
      responseHandles: [h("objectHandle", TPM_HANDLE, "the loaded object")],
      response: [
        f("outPublic", TPM2B_PUBLIC, "the public part"),
        ...HOW_CREATED,
        f("name", TPM2B_NAME, "its name"),
      ],
    },
  ),
  HierarchyControl: command("Part 3, 24.2", "Switches a hierarchy on or off.", {
    handles: [h("authHandle", TPMI_RH_HIERARCHY, "who authorizes it", "USER")],
    parameters: [
      f("enable", TPMI_RH_ENABLES, "the hierarchy to switch"),
      f("state", TPMI_YES_NO, "on or off"),
    ],
  }),
  SetPrimaryPolicy: command("Part 3, 24.3", "Sets the policy of a hierarchy or timer.", {
    handles: [h("authHandle", TPMI_RH_HIERARCHY_POLICY, "the hierarchy", "USER")],
    parameters: [
      f("authPolicy", TPM2B_DIGEST, "the policy; empty for none"),
      f("hashAlg", TPMI_ALG_HASH, "the hash of the policy; none without"),
    ],
  }),
  ChangePPS: command("Part 3, 24.4", "Gives the platform hierarchy a new seed: all its keys are lost.", {
    handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
  }),
  ChangeEPS: command(
    "Part 3, 24.5",
    "Gives the endorsement hierarchy a new seed: certificates no longer fit.",
    {
      handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
    },
  ),
  Clear: command(
    "Part 3, 24.6",
    "Forgets the owner: seed, passwords, objects and NV indexes of the owner go.",
    {
      handles: [h("authHandle", TPMI_RH_CLEAR, "lockout or platform", "USER")],
    },
  ),
  ClearControl: command("Part 3, 24.7", "Allows or forbids TPM2_Clear.", {
    handles: [h("auth", TPMI_RH_CLEAR, "lockout or platform", "USER")],
    parameters: [f("disable", TPMI_YES_NO, "yes: forbid")],
  }),
  HierarchyChangeAuth: command("Part 3, 24.8", "Changes the password of a hierarchy.", {
    handles: [h("authHandle", TPMI_RH_HIERARCHY_AUTH, "the hierarchy", "USER")],
    parameters: [f("newAuth", TPM2B_AUTH, "the new password")],
  }),
  ReadOnlyControl: command("Part 3, 24.9", "Makes the TPM refuse what would change it, or ends that.", {
    handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
    parameters: [f("state", TPMI_YES_NO, "yes: read-only")],
  }),
  ContextSave: command(
    "Part 3, 28.2",
    "Writes an object or session out of the TPM, encrypted, to be loaded later.",
    {
      handles: [h("saveHandle", TPMI_DH_CONTEXT, "the object or session")],
      response: [f("context", TPMS_CONTEXT, "the saved context")],
    },
  ),
  ContextLoad: command("Part 3, 28.3", "Takes a saved object or session back in.", {
    parameters: [f("context", TPMS_CONTEXT, "the saved context")],
    responseHandles: [h("loadedHandle", TPMI_DH_CONTEXT, "its handle")],
  }),
  FlushContext: command("Part 3, 28.4", "Makes the TPM forget an object or session.", {
    parameters: [f("flushHandle", TPMI_DH_CONTEXT, "the object or session")],
  }),
  EvictControl: command("Part 3, 28.5", "Makes a loaded object persistent, or removes a persistent one.", {
    handles: [
      h("auth", TPMI_RH_PROVISION, "owner or platform", "USER"),
      h("objectHandle", TPMI_DH_OBJECT, "the loaded object to keep, or the persistent one to remove"),
    ],
    parameters: [f("persistentHandle", TPMI_DH_PERSISTENT, "the persistent handle")],
  }),
} as const;
