"""The tables of procrastinate 3.10, which carries deliveries over PostgreSQL."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == 'postgresql':
        # The driver's cursor, because a % in the text is no parameter.
        connection.connection.cursor().execute(SchemaManager.get_schema())


def downgrade() -> None:
    if op.get_bind().dialect.name != 'postgresql':
        return
    for table in ('events', 'periodic_defers', 'jobs', 'workers'):
        op.execute(f'DROP TABLE procrastinate_{table} CASCADE')
