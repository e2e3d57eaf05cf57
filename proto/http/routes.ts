import * as access from './access.ts';
import * as account from './account.ts';
import * as audit from './audit.ts';
import * as authority from './authority.ts';
import * as blocks from './blocks.ts';
import * as enrolment from './enrolment.ts';
import * as expectations from './expectations.ts';
import * as fleet from './fleet.ts';
import * as flows from './flows.ts';
import * as flushes from './flushes.ts';
import * as groups from './groups.ts';
import * as limits from './limits.ts';
import * as mail from './mail.ts';
import * as overview from './overview.ts';
import * as people from './people.ts';
import * as plans from './plans.ts';
import * as policies from './policies.ts';
import * as policyPlans from './policy-plans.ts';
import * as policyRollouts from './policy-rollouts.ts';
import * as policyStates from './policy-states.ts';
import * as providers from './providers.ts';
import * as remediations from './remediations.ts';
import * as retention from './retention.ts';
import * as rollouts from './rollouts.ts';
import * as savedPolicies from './saved-policies.ts';
import * as serviceAccounts from './service-accounts.ts';
import * as wanEvents from './wan-events.ts';

/** Every route of the REST API by its operation id. A route that is not here does not exist. */
export const routes = {
  listPeople: people.listPeople,
  invitePerson: people.invitePerson,
  updatePerson: people.updatePerson,
  suspendPerson: people.suspendPerson,
  resumePerson: people.resumePerson,
  createSignInLink: people.createSignInLink,
  removePerson: people.removePerson,
  listGroups: groups.listGroups,
  getGroup: groups.getGroup,
  createGroup: groups.createGroup,
  updateGroup: groups.updateGroup,
  removeGroup: groups.removeGroup,
  listServiceAccounts: serviceAccounts.listServiceAccounts,
  createServiceAccount: serviceAccounts.createServiceAccount,
  updateServiceAccount: serviceAccounts.updateServiceAccount,
  rotateServiceAccount: serviceAccounts.rotateServiceAccount,
  endEarlierSecret: serviceAccounts.endEarlierSecret,
  suspendServiceAccount: serviceAccounts.suspendServiceAccount,
  resumeServiceAccount: serviceAccounts.resumeServiceAccount,
  removeServiceAccount: serviceAccounts.removeServiceAccount,
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
  getNeighbours: fleet.getNeighbours,
  updateGateway: fleet.updateGateway,
  revokeGateway: fleet.revokeGateway,
  reinstateGateway: fleet.reinstateGateway,
  listSamples: fleet.listSamples,
  watchFleet: fleet.watchFleet,
  getOverview: overview.getOverview,
  getGatewayPolicy: policies.getGatewayPolicy,
  explainTracking: policies.explainTracking,
  listExpectations: expectations.listExpectations,
  deleteExpectations: expectations.deleteExpectations,
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
  watchSearch: flows.watchSearch,
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
  listPolicies: savedPolicies.listPolicies,
  getPolicy: savedPolicies.getPolicy,
  createPolicy: savedPolicies.createPolicy,
  updatePolicy: savedPolicies.updatePolicy,
  deletePolicy: savedPolicies.deletePolicy,
  listPolicyRevisions: savedPolicies.listPolicyRevisions,
  checkPolicy: savedPolicies.checkPolicy,
  planPolicy: policyPlans.planPolicy,
  planNewPolicy: policyPlans.planNewPolicy,
  applyPolicy: policyRollouts.applyPolicy,
  listPolicyRollouts: policyRollouts.listPolicyRollouts,
  getPolicyRollout: policyRollouts.getPolicyRollout,
  watchPolicyRollout: policyRollouts.watchPolicyRollout,
  getRolloutDifference: policyRollouts.getRolloutDifference,
  cancelPolicyRollout: policyRollouts.cancelPolicyRollout,
  undoPolicyRollout: policyRollouts.undoPolicyRollout,
  listPolicyStates: policyStates.listPolicyStates,
  resolveDrift: policyStates.resolveDrift,
  adoptPolicy: policyStates.adoptPolicy,
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
  listWanEvents: wanEvents.listWanEvents,
  getWanEvent: wanEvents.getWanEvent,
} as const;
export type Routes = typeof routes;
