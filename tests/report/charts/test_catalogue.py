from types import SimpleNamespace

from cnn_bench.report.charts import catalogue
from cnn_bench.report.data import ReportData


def test_a_chart_that_was_asked_for_and_lacks_its_data_says_why(make_table):
    study = SimpleNamespace(charts=('error_overlap', 'accuracy_vs_macs'), baseline='', hypotheses=())
    first, more = catalogue.choose(ReportData(make_table(3), study=study))
    assert [chart.name for chart in first] == ['accuracy_vs_macs', 'error_overlap']
    assert first[1].why == 'fewer than two networks kept their predictions'
    assert first[1].why in first[1].caption
    assert 'error_overlap' not in [chart.name for chart in more]
