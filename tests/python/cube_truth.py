"""What must be answered to a question of any kind, by a model and its data."""

from dataclasses import dataclass

from cube_calculations import calculation_sql, compares_weekdays, looks_beyond_cells
from cube_composites import CompositeQuestion, composite_sql, refusals
from cube_expansion import open_oracle, pivot, pivot_refusals, question_sql
from cube_link_questions import LinkQuestion, link_refusals, link_sql
from cube_links import links_sql
from cube_questions import Listing, Nested, Pivot
from cube_retail_questions import retail_refusals
from cube_selections import Chosen, Selection


@dataclass(frozen=True)
class Earlier:
    """A question to the epoch before, and the options that ask for it."""

    question: object
    options: tuple

    def ordered(self):
        return self.question.ordered()

    def smaller(self):
        for question in self.question.smaller():
            yield Earlier(question, self.options)


class Truth:
    """The oracle of one epoch."""

    def __init__(self, model, folder):
        self.model = model
        self.database = open_oracle(model, folder)
        self.database.execute(links_sql(model))

    def sql(self, question):
        if self.refused(question):
            return f"(refused: {', '.join(self.refused(question))})"
        if isinstance(question, Pivot):
            return "(the cells of the pivot, from the flat table)"
        if isinstance(question, Nested):
            return question.text.format(*(self.sql(part) for part in question.parts))
        if isinstance(question, Listing):
            return question.theirs
        if isinstance(question, Selection):
            return Chosen(self.model, question).sql()
        if isinstance(question, CompositeQuestion):
            return composite_sql(self.model, question)
        if isinstance(question, LinkQuestion):
            return link_sql(self.model, question)
        beyond = looks_beyond_cells(self.model, question)
        return (calculation_sql if beyond else question_sql)(self.model, question)

    def refused(self, question):
        """What an error says with which the question must be refused: one of these, or it must not."""
        if isinstance(question, Nested):
            return [said for part in question.parts for said in self.refused(part)]
        if isinstance(question, Pivot):
            return pivot_refusals(self.model, question)
        if isinstance(question, (Listing, Selection)):
            return []
        if isinstance(question, CompositeQuestion):
            return refusals(self.model, question)
        if isinstance(question, LinkQuestion):
            return link_refusals(self.model, question)
        if not any(aggregate.calculation for aggregate in question.aggregates()):
            return []
        refused = ["other weekdays"] if compares_weekdays(self.model, question) else []
        return refused + retail_refusals(self.model, question)

    def expected(self, question):
        """Names of columns, where they are known, and rows."""
        if isinstance(question, Pivot):
            return pivot(self.model, self.database, question)
        return None, self.database.execute(self.sql(question)).fetchall()
