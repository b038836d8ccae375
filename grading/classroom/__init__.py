"""What a class hands in and gets back: submissions, sheets, marks, results, reports, releases."""
