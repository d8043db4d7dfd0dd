import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { table } from './table.ts'

type Project = { project: string; organisation: string }

/** `weir projects …`: which organisation a tenant belongs to. */
export const projectCommands = (program: Command, context: CliContext): void => {
  const projects = program.command('projects').description('put projects (tenants) under organisations, for limits, budgets and reports')

  projects
    .command('list')
    .description('projects that belong to an organisation')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  weir projects list')
    .action(async (options: { json?: boolean }) => {
      const { data } = (await (await context.request('/admin/projects')).json()) as { data: Project[] }
      if (options.json) return context.print(JSON.stringify(data))
      const rows = data.map(({ project, organisation }) => [organisation, project])
      context.print(table(['ORGANISATION', 'PROJECT'], rows))
    })

  projects
    .command('assign')
    .description('put a project under an organisation; its keys, caches and traces stay its own')
    .argument('<project>', 'the tenant of its keys')
    .requiredOption('--organisation <name>', 'lower-case letters, digits, _ and -')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nExample:\n  weir projects assign acme-web --organisation acme --reason "second product"')
    .action(async (project: string, json: { organisation: string; reason: string }) => {
      await context.request(`/admin/projects/${encodeURIComponent(project)}`, { method: 'PUT', json })
      context.print(`${project} belongs to ${json.organisation}`)
    })

  projects
    .command('remove')
    .description('take a project out of its organisation')
    .argument('<project>')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nExample:\n  weir projects remove acme-web --reason "sold"')
    .action(async (project: string, json: { reason: string }) => {
      await context.request(`/admin/projects/${encodeURIComponent(project)}`, { method: 'DELETE', json })
      context.print(`${project} belongs to no organisation`)
    })
}
