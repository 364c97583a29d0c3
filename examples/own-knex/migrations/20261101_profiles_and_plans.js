/** Foreign keys to users and organizations of IdentSphere. */
export async function up(knex) {
  await knex.schema.createTable('profiles', (table) => {
    table.uuid('user_id').primary().references('id').inTable('identsphere.users')
    table.text('company').notNullable()
  })
  await knex.schema.createTable('plans', (table) => {
    table.uuid('organization_id').primary().references('id').inTable('identsphere.organizations')
    table.text('code').notNullable().unique()
  })
}

export async function down(knex) {
  await knex.schema.dropTable('plans')
  await knex.schema.dropTable('profiles')
}
