import * as access from './access.ts';
import * as account from './account.ts';
import * as audit from './audit.ts';
import * as authority from './authority.ts';
import * as blocks from './blocks.ts';
import * as enrolment from './enrolment.ts';
import * as fleet from './fleet.ts';
import * as flows from './flows.ts';
import * as flushes from './flushes.ts';
import * as limits from './limits.ts';
import * as mail from './mail.ts';
import * as people from './people.ts';
import * as plans from './plans.ts';
import * as providers from './providers.ts';
import * as remediations from './remediations.ts';
import * as retention from './retention.ts';
import * as rollouts from './rollouts.ts';

/** Every route of the REST API by its operation id. A route that is not here does not exist. */
export const routes = {
  listPeople: people.listPeople,
  invitePerson: people.invitePerson,
  updatePerson: people.updatePerson,
  suspendPerson: people.suspendPerson,
  resumePerson: people.resumePerson,
  createSignInLink: people.createSignInLink,
  removePerson: people.removePerson,
  listProviders: providers.listProviders,
  createProvider: providers.createProvider,
  updateProvider: providers.updateProvider,
  testProvider: providers.testProvider,
  removeProvider: providers.removeProvider,
  removeSecondFactors: people.removeSecondFactors,
  getMail: mail.getMail,
  testMail: mail.testMail,
  listTenants: fleet.listTenants,
  createTenant: fleet.createTenant,
  updateTenant: fleet.updateTenant,
  listSites: fleet.listSites,
  createSite: fleet.createSite,
  listGateways: fleet.listGateways,
  getGateway: fleet.getGateway,
  updateGateway: fleet.updateGateway,
  revokeGateway: fleet.revokeGateway,
  reinstateGateway: fleet.reinstateGateway,
  listSamples: fleet.listSamples,
  watchFleet: fleet.watchFleet,
  createEnrolmentToken: enrolment.createEnrolmentToken,
  createReenrolmentToken: enrolment.createReenrolmentToken,
  listEnrolmentTokens: enrolment.listEnrolmentTokens,
  revokeEnrolmentToken: enrolment.revokeEnrolmentToken,
  createRollout: rollouts.createRollout,
  listRollouts: rollouts.listRollouts,
  getRollout: rollouts.getRollout,
  revokeRollout: rollouts.revokeRollout,
  listEnrolments: rollouts.listEnrolments,
  approveEnrolment: rollouts.approveEnrolment,
  refuseEnrolment: rollouts.refuseEnrolment,
  searchFlows: flows.searchFlows,
  createPlan: plans.createPlan,
  getPlan: plans.getPlan,
  listPlanFlows: plans.listPlanFlows,
  runPlan: plans.runPlan,
  approvePlan: plans.approvePlan,
  createApprovalOptions: plans.createApprovalOptions,
  listFlushes: flushes.listFlushes,
  getFlush: flushes.getFlush,
  watchFlush: flushes.watchFlush,
  cancelFlush: flushes.cancelFlush,
  stopFlushes: flushes.stopFlushes,
  undoFlush: flushes.undoFlush,
  retryFlush: flushes.retryFlush,
  getLimits: limits.getLimits,
  updateLimits: limits.updateLimits,
  listBlocks: blocks.listBlocks,
  liftBlock: blocks.liftBlock,
  listAudit: audit.listAudit,
  getAuditEntry: audit.getAuditEntry,
  listAuditFlows: audit.listAuditFlows,
  verifyAudit: audit.verifyAudit,
  listCheckpoints: audit.listCheckpoints,
  exportAudit: audit.exportAudit,
  listRemediations: remediations.listRemediations,
  listBuiltInRemediations: remediations.listBuiltInRemediations,
  getRemediation: remediations.getRemediation,
  createRemediation: remediations.createRemediation,
  updateRemediation: remediations.updateRemediation,
  deleteRemediation: remediations.deleteRemediation,
  approveRemediation: remediations.approveRemediation,
  checkRemediation: remediations.checkRemediation,
  runRemediation: remediations.runRemediation,
  listRemediationRuns: remediations.listRemediationRuns,
  getRemediationRun: remediations.getRemediationRun,
  listRemediationRunFlows: remediations.listRemediationRunFlows,
  getAuthority: authority.getAuthority,
  prepareAuthority: authority.prepareAuthority,
  switchAuthority: authority.switchAuthority,
  retireAuthority: authority.retireAuthority,
  backAuthority: authority.backAuthority,
  getRetention: retention.getRetention,
  getMe: access.getMe,
  getAccount: account.getAccount,
  endSession: account.endSession,
  endOtherSessions: account.endOtherSessions,
  createPasskeyOptions: account.createPasskeyOptions,
  addPasskey: account.addPasskey,
  renamePasskey: account.renamePasskey,
  removePasskey: account.removePasskey,
  listTokens: access.listTokens,
  createToken: access.createToken,
  revokeToken: access.revokeToken,
} as const;
export type Routes = typeof routes;
